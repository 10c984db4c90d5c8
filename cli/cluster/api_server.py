"""The Kubernetes API as a pod reaches it: the Secrets of its own namespace, over plain HTTPS.

A pod finds the server in KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, and who it is itself in the folder of
its ServiceAccount: `token`, `ca.crt`, `namespace`.
"""

from __future__ import annotations

import base64
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PATIENCE_SECONDS = 120.0
_PAUSE_SECONDS = 1.0
_TIMEOUT_SECONDS = 10.0


class ClusterError(Exception):
    """The API server does not do what is asked; the text says why and what mends it."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A Secret: its name, and its data by key."""

    name: str
    data: Mapping[str, bytes]


class ApiServer:
    """Reads and makes Secrets. A server that is away or busy is asked again until the patience is over."""

    def __init__(self, url: str, account: Path, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Raises:
        ClusterError: this pod has no ServiceAccount.
        """
        self._account = account
        self._patience_seconds = patience_seconds
        self.namespace = self._read("namespace")
        trusted = ssl.create_default_context(cadata=self._read("ca.crt"))
        self._http = httpx.Client(base_url=url, verify=trusted, timeout=_TIMEOUT_SECONDS, trust_env=False)

    @classmethod
    def of_this_pod(cls, environment: Mapping[str, str], account: Path, patience_seconds: float) -> ApiServer:
        """The server of the cluster that this process runs in.

        Raises:
            ClusterError: it does not run in a pod.
        """
        host, port = environment.get("KUBERNETES_SERVICE_HOST", ""), environment.get("KUBERNETES_SERVICE_PORT", "443")
        if not host:
            raise ClusterError("KUBERNETES_SERVICE_HOST is not set: this command runs in a pod of a cluster")
        return cls(f"https://{f'[{host}]' if ':' in host else host}:{port}", account, patience_seconds)

    def secret(self, name: str) -> Secret | None:
        """The Secret of that name, None if there is none."""
        response = self._call("get", name, "GET", f"/{name}")
        if response.status_code == 404:
            return None
        data = response.json().get("data") or {}
        return Secret(name, {key: base64.b64decode(value) for key, value in data.items()})

    def create(self, secret: Secret, labels: Mapping[str, str], annotations: Mapping[str, str]) -> bool:
        """Makes a Secret; False when there is one of that name, which stays as it is."""
        document = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": {"name": secret.name, "labels": dict(labels), "annotations": dict(annotations)},
            "data": {key: base64.b64encode(value).decode() for key, value in secret.data.items()},
        }
        return self._call("create", secret.name, "POST", "", json=document).status_code != 409

    def _call(self, verb: str, name: str, method: str, path: str, **arguments: Any) -> httpx.Response:
        """The answer; 404 to a read and 409 to a create are answers too."""
        deadline = time.monotonic() + self._patience_seconds
        while True:
            try:
                response = self._once(method, path, **arguments)
            except httpx.TransportError as error:
                problem = str(error) or type(error).__name__
            else:
                if response.is_success or (method, response.status_code) in (("GET", 404), ("POST", 409)):
                    return response
                problem = _message(response)
                if response.status_code < 500 and response.status_code != 429:
                    raise ClusterError(self._refusal(response.status_code, verb, name, problem))
            if time.monotonic() > deadline:
                waited = f"{self._patience_seconds:g} s"
                raise ClusterError(f"the API server at {self._http.base_url} does not answer ({waited}): {problem}")
            time.sleep(_PAUSE_SECONDS)

    def _once(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        # The kubelet renews the token in its file, so it is read for each request.
        headers = {"Authorization": f"Bearer {self._read('token')}"}
        url = f"/api/v1/namespaces/{self.namespace}/secrets{path}"
        return self._http.request(method, url, headers=headers, **arguments)

    def _refusal(self, status: int, verb: str, name: str, problem: str) -> str:
        if status == 403:
            named = "" if verb == "create" else f" for the Secret {name}"
            return (
                f"this pod's ServiceAccount lacks the right to {verb} secrets{named} in namespace {self.namespace}: "
                f'give its Role the verb "{verb}" on the resource "secrets". The API server says: {problem}'
            )
        if status == 401:
            return f"the API server does not accept the token in {self._account / 'token'}: {problem}"
        return f"the API server refuses to {verb} the Secret {name} ({status}): {problem}"

    def _read(self, name: str) -> str:
        file = self._account / name
        try:
            return file.read_text().strip()
        except OSError as error:
            raise ClusterError(
                f"{file} cannot be read: let the pod mount its ServiceAccount's token (automountServiceAccountToken)"
            ) from error


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code}"
