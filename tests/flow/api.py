"""An ordinary REST client of Kith, as a partner would write it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import httpx

Json = dict[str, Any]
T = TypeVar("T")

BATCH = 500
_RETRIED = frozenset({409, 502, 503, 504})


class Api:
    """Calls the gateway with an API key. Every write carries an idempotency key, so that a lost answer can be asked for
    again: `retry_seconds` says for how long."""

    def __init__(self, gateway: str, api_key: str, *, retry_seconds: float = 0.0) -> None:
        self.gateway = gateway
        self.api_key = api_key
        self.retry_seconds = retry_seconds
        self._http = httpx.Client(base_url=gateway, headers={"Authorization": f"Bearer {api_key}"}, timeout=30)

    def get(self, path: str, **query: Any) -> Json:
        """GET /v1/<path>"""
        return self._call("GET", path, params=query)

    def post(self, path: str, body: Json, *, key: str = "") -> Json:
        """POST /v1/<path>, once however often it is sent when there is a key."""
        return self._call("POST", path, json=body, headers={"Idempotency-Key": key} if key else {})

    def patch(self, path: str, body: Json, *, key: str = "") -> Json:
        """PATCH /v1/<path>"""
        return self._call("PATCH", path, json=body, headers={"Idempotency-Key": key} if key else {})

    def batch_create(self, plural: str, singular: str, records: Sequence[Json], *, key: str) -> list[Json]:
        """Creates any number of records, some hundred in each call."""
        created: list[Json] = []
        for start in range(0, len(records), BATCH):
            requests = [{singular: record} for record in records[start : start + BATCH]]
            answer = self.post(f"{plural}:batchCreate", {"requests": requests}, key=f"{key}-{start}")
            created += answer[plural]
        return created

    def all(self, plural: str, **query: Any) -> Iterator[Json]:
        """Every record of a list, page by page."""
        token = ""
        while True:
            page = self.get(plural, **query, page_size=1000, page_token=token)
            yield from page.get(plural, [])
            token = page.get("nextPageToken", "")
            if not token:
                return

    def first(self, plural: str, **query: Any) -> Json | None:
        """The first record of a list, or None."""
        return next(iter(islice(self.all(plural, **query), 1)), None)

    def _call(self, method: str, path: str, **arguments: Any) -> Json:
        deadline = time.monotonic() + self.retry_seconds
        while True:
            try:
                response = self._http.request(method, f"/v1/{path}", **arguments)
                if response.status_code not in _RETRIED or time.monotonic() > deadline:
                    assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
                    answer: Json = response.json()
                    return answer
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.2)


def eventually(ask: Callable[[], T | None], *, seconds: float = 30.0, what: str = "it") -> T:
    """What `ask` answers as soon as that is something; fails when it is nothing for so long."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.05)
