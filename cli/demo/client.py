"""A REST client of Kith, as any program that loads data would have one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx

from cli.demo.plan import Json

_BUSY = frozenset({429, 502, 503, 504})
_FINAL = frozenset({"ALREADY_EXISTS", "REQUEST_ID_REUSED", "ETAG_MISMATCH"})
"""Conflicts that do not pass by waiting."""
_TIMEOUT_SECONDS = 60.0
_PATIENCE_SECONDS = 60.0


class Refused(Exception):
    """The platform answered with an error; `reason` as in its problem details, `UNREACHABLE` when nobody answered."""

    def __init__(self, request: str, reason: str, detail: str) -> None:
        super().__init__(f"{request}: {reason}: {detail}")
        self.reason = reason


class Client:
    """Calls the gateway; for use by several threads. Who calls is said with each call, as a token or API key.

    What may pass, such as a lost connection, a restart or a conflict with somebody else, is tried again for a minute;
    an idempotency key sees to it that nothing is done twice thereby.
    """

    def __init__(self, gateway: str) -> None:
        self._http = httpx.Client(base_url=gateway, timeout=_TIMEOUT_SECONDS)

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def get(self, path: str, token: str, **query: Any) -> Json:
        """GET /v1/<path>

        Raises:
            Refused: this and every method here may.
        """
        return self._call("GET", path, token, params=query)

    def post(self, path: str, token: str, body: Json, key: str = "") -> Json:
        """POST /v1/<path>"""
        return self._call("POST", path, token, key, json=body)

    def patch(self, path: str, token: str, body: Json, key: str = "") -> Json:
        """PATCH /v1/<path>"""
        return self._call("PATCH", path, token, key, json=body)

    def delete(self, path: str, token: str) -> None:
        """DELETE /v1/<path>"""
        self._call("DELETE", path, token)

    def all(self, plural: str, token: str, **query: Any) -> Iterator[Json]:
        """Every record of a list, page by page."""
        page_token = ""
        while True:
            page = self.get(plural, token, **query, pageSize=1000, pageToken=page_token)
            yield from page.get(plural, [])
            page_token = page.get("nextPageToken", "")
            if not page_token:
                return

    def _call(self, method: str, path: str, token: str, key: str = "", **arguments: Any) -> Json:
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        # Without a key only what changes nothing, or the same thing again, may be repeated.
        patience = _PATIENCE_SECONDS if key or method != "POST" else 0.0
        deadline = time.monotonic() + patience
        wait = 0.1
        while True:
            try:
                response = self._http.request(method, f"/v1/{path}", headers=headers, **arguments)
                if response.is_success:
                    answer: Json = response.json()
                    return answer
                refused = _refused(f"{method} {path}", response)
            except httpx.TransportError as error:
                refused = Refused(f"{method} {path}", "UNREACHABLE", str(error))
            if not _may_pass(refused) or time.monotonic() > deadline:
                raise refused
            time.sleep(wait)
            wait = min(wait * 2, 5.0)


class _Passing(Refused):
    """Another attempt may do better."""


def _refused(request: str, response: httpx.Response) -> Refused:
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    reason = str(problem.get("reason", response.status_code))
    passes = response.status_code in _BUSY or (response.status_code == 409 and reason not in _FINAL)
    kind = _Passing if passes else Refused
    return kind(request, reason, str(problem.get("detail", response.text[:500])))


def _may_pass(refused: Refused) -> bool:
    return isinstance(refused, _Passing) or refused.reason == "UNREACHABLE"
