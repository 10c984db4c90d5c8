"""Sends raw HTTP requests, many at once, and keeps what came back for a failure to tell.

Plain `http.client` on purpose: it sends what it is told, also what no decent client would, and costs little.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

PROBLEM = "application/problem+json"
_AT_ONCE = 6


@dataclass(frozen=True)
class Call:
    """One request. `about` says in a failure what was tried; `expects` is what the check wants to know of it."""

    about: str
    method: str
    target: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    token: str = ""
    expects: Any = None

    def with_header(self, name: str, value: str) -> Call:
        """The same with one more header."""
        return replace(self, headers={**self.headers, name: value})


@dataclass(frozen=True)
class Answer:
    """What came back, and after how long."""

    call: Call
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        """The body as JSON values; None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def fields(self) -> list[str]:
        """The fields that a problem names."""
        return [error["field"] for error in (self.json or {}).get("errors", [])]

    def __str__(self) -> str:
        sent = (self.call.body or b"")[:300]
        request = f"{self.call.method} {self.call.target[:200]} {sent!r}"
        told = f"{self.status} in {self.seconds:.2f} s {self.body[:400].decode(errors='replace')}"
        return f"{self.call.about}\n    {request}\n    {told}"


class Wire:
    """Connections to one gateway, one per thread."""

    def __init__(self, gateway: str) -> None:
        address = urlsplit(gateway)
        self.host, self.port = str(address.hostname), int(address.port or 80)
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="wire")
        self._own = threading.local()

    def send(self, call: Call) -> Answer:
        """One request and its answer."""
        headers = {"Authorization": f"Bearer {call.token}"} if call.token else {}
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        headers.update(call.headers)
        for attempt in range(2):
            connection = self._connection(fresh=attempt > 0)
            began = time.monotonic()
            try:
                connection.request(call.method, call.target, call.body, headers)
                response = connection.getresponse()
                body = response.read()
            except (ConnectionError, http.client.HTTPException):
                # A connection that the server has closed meanwhile; a second failure is one.
                if attempt:
                    raise
                continue
            told = {name.lower(): value for name, value in response.getheaders()}
            return Answer(call, response.status, told, body, time.monotonic() - began)
        raise AssertionError("unreachable: the second attempt returns or raises")

    def send_all(self, calls: Iterable[Call]) -> list[Answer]:
        """Several at a time; the answers in the order of the calls."""
        return list(self._threads.map(self.send, calls))

    def at_once(self, calls: list[Call]) -> list[Answer]:
        """All of them at the same moment, each on a connection of its own."""
        with ThreadPoolExecutor(len(calls)) as threads:
            barrier = threading.Barrier(len(calls))

            def send(call: Call) -> Answer:
                self._connection().connect()
                barrier.wait()
                return self.send(call)

            return list(threads.map(send, calls))

    def close(self) -> None:
        """Ends the threads."""
        self._threads.shutdown()

    def _connection(self, *, fresh: bool = False) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is None or fresh:
            if connection is not None:
                connection.close()
            connection = self._own.connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        return connection


def call(about: str, method: str, path: str, token: str, value: Any = None, **query: Any) -> Call:
    """A proper request with a JSON value as its body."""
    target = path + (f"?{urlencode(query, doseq=True)}" if query else "")
    return Call(about, method, target, None if value is None else json.dumps(value).encode(), token=token)


def refusals(answers: Iterable[Answer], *, seconds: float = 10.0) -> list[str]:
    """What is wrong with answers that all should be quick and proper refusals: one text for each that is not."""
    return [f"{why}: {answer}" for answer in answers if (why := _no_refusal(answer, seconds))]


def _no_refusal(answer: Answer, seconds: float) -> str:
    if not 400 <= answer.status < 500:
        return "not refused"
    if answer.headers.get("content-type") != PROBLEM:
        return "no problem document"
    problem = answer.json or {}
    missing = {"type", "title", "status", "detail", "reason", "traceId"} - problem.keys()
    if missing or problem["status"] != answer.status:
        return f"an incomplete problem document ({', '.join(sorted(missing))})"
    return "too slow" if answer.seconds > seconds else ""


def told(wrong: list[str]) -> str:
    """Failures as one text: how many, and the first of them."""
    return f"{len(wrong)} are wrong, among them:\n" + "\n".join(wrong[:12])
