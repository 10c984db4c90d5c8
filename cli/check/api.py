"""An ordinary REST client of Kith, as a partner would write it, who knows the trace of each of his requests."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import httpx

from cli.check.expectation import Unmet, expect

Json = dict[str, Any]

BATCH = 500
_RETRIED = frozenset({409, 429, 502, 503, 504})
_FINAL = frozenset({"ALREADY_EXISTS", "ETAG_MISMATCH", "REQUEST_ID_REUSED"})
"""Conflicts that do not pass by waiting."""
_TIMEOUT_SECONDS = 30.0
_PAUSE_SECONDS = 0.2


@dataclass
class Ledger:
    """What was sent: the traces of all writes, in their order, and how often a request had to be sent again."""

    writes: list[str] = field(default_factory=list)
    repeats: int = 0


class Api:
    """Calls the gateway with an API key. Every write carries an idempotency key, so that a lost answer can be asked for
    again: `retry_seconds` says for how long. A request and its repetitions are one trace, which is chosen here.

    All methods raise Unmet when the gateway refuses or cannot be reached.
    """

    def __init__(self, gateway: str, api_key: str, *, retry_seconds: float = 0.0, ledger: Ledger | None = None) -> None:
        self.gateway = gateway
        self.api_key = api_key
        self.retry_seconds = retry_seconds
        self.ledger = ledger or Ledger()
        self._http = httpx.Client(
            base_url=gateway, headers={"Authorization": f"Bearer {api_key}"}, timeout=_TIMEOUT_SECONDS
        )

    def of(self, api_key: str) -> Api:
        """The same for another caller, in the same ledger."""
        return Api(self.gateway, api_key, retry_seconds=self.retry_seconds, ledger=self.ledger)

    @property
    def trace_id(self) -> str:
        """The trace of the last write, which what happens behind the scenes belongs to; "" before the first."""
        return self.ledger.writes[-1] if self.ledger.writes else ""

    def get(self, path: str, **query: Any) -> Json:
        """GET /v1/<path>"""
        return self._call("GET", path, params=query)

    def post(self, path: str, body: Json, *, key: str = "") -> Json:
        """POST /v1/<path>, once however often it is sent when there is a key."""
        return self._call("POST", path, json=body, headers={"Idempotency-Key": key} if key else {})

    def patch(self, path: str, body: Json, *, key: str = "") -> Json:
        """PATCH /v1/<path>"""
        return self._call("PATCH", path, json=body, headers={"Idempotency-Key": key} if key else {})

    def delete(self, path: str) -> None:
        """DELETE /v1/<path>"""
        self._call("DELETE", path)

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
        return self.pages(plural, plural, **query)

    def pages(self, path: str, records: str, **query: Any) -> Iterator[Json]:
        """Everything under a path that answers in pages; `records` is the field that holds them."""
        token = ""
        while True:
            page = self.get(path, **query, page_size=1000, page_token=token)
            yield from page.get(records, [])
            token = page.get("nextPageToken", "")
            if not token:
                return

    def first(self, plural: str, **query: Any) -> Json | None:
        """The first record of a list, or None."""
        return next(iter(islice(self.all(plural, **query), 1)), None)

    def _call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **arguments: Any) -> Json:
        trace_id = secrets.token_hex(16)
        if method != "GET":
            self.ledger.writes.append(trace_id)
        deadline = time.monotonic() + self.retry_seconds
        while True:
            try:
                sent = {**(headers or {}), "traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
                response = self._http.request(method, f"/v1/{path}", headers=sent, **arguments)
                if response.is_success:
                    return _answer(method, path, response, trace_id)
                problem = f"{response.status_code} {response.text[:500]}"
                passes = response.status_code in _RETRIED and _reason(response) not in _FINAL
            except httpx.TransportError as error:
                problem, passes = f"{type(error).__name__}: {error}", True
            if not passes or time.monotonic() > deadline:
                raise Unmet(f"an answer to {method} /v1/{path}", problem, trace_id)
            self.ledger.repeats += 1
            time.sleep(_PAUSE_SECONDS)


def _answer(method: str, path: str, response: httpx.Response, trace_id: str) -> Json:
    told = response.headers.get("trace-id", "none")
    expect(told == trace_id, f"the request's trace id with the answer to {method} /v1/{path}", told, trace_id)
    answer: Json = response.json()
    return answer


def _reason(response: httpx.Response) -> str:
    try:
        return str(response.json().get("reason", ""))
    except (ValueError, AttributeError):
        return ""
