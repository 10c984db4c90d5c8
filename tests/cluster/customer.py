"""Somebody outside of the cluster, who signs in and calls the gateway."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from cli.check.api import Api
from tests.cluster.release import NAME, Release

TENANT = "cluster"
EMAIL = "admin@cluster.example"
"""The tenant and administrator that `values/install.yaml` asks for."""


@contextmanager
def admitted(release: Release, *, retry_seconds: float = 30.0) -> Iterator[Api]:
    """The administrator's client of the gateway, through a port of this machine."""
    with release.kubectl.forward(release.service("gateway"), 80) as gateway:
        yield Api(gateway, _token(release, gateway), retry_seconds=retry_seconds)


def _token(release: Release, gateway: str) -> str:
    secret = release.kubectl.json("get", "secret", f"{NAME}-admin")
    password = base64.b64decode(secret["data"]["password"]).decode()
    proof = {"tenant": TENANT, "email": EMAIL, "password": password}
    response = httpx.post(f"{gateway}/v1/sessions:signIn", json=proof, timeout=30)
    assert response.is_success, f"sign in: {response.status_code} {response.text}"
    return str(response.json()["accessToken"])
