"""Sends requests at a fixed rate, whatever the answers take, and notes each in a ledger."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httptools

from cli.check.load.connection import Answer, Pool
from cli.check.load.ledger import Entry, Ledger

CREATE, GET = "create", "get"
_PASSING = frozenset({409, 429})
_PAUSE_SECONDS = 0.2
_KIND_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """A load. `mix` says how many of each kind come in a round; `retry_seconds` how long one request is sent again."""

    gateway: str
    rate: float
    seconds: float
    connections: int
    mix: Mapping[str, int]
    retry_seconds: float
    timeout_seconds: float

    @property
    def requests(self) -> int:
        """How many there will be."""
        return int(self.rate * self.seconds)


class Cadence:
    """Creates contacts of one account and reads them. `mark` makes their family names unique: `<mark>-<number>`."""

    def __init__(self, plan: Plan, api_key: str, account: str, mark: str) -> None:
        self._plan = plan
        self._account = account
        self._mark = mark
        address = urlsplit(plan.gateway)
        self._base = address.path.rstrip("/")
        self._head = f"Host: {address.netloc}\r\nAuthorization: Bearer {api_key}\r\nAccept: application/json\r\n"
        self._known = [account]
        self._stopped = asyncio.Event()
        self.ledger = Ledger()

    async def run(self) -> Ledger:
        """Sends all of it; SIGTERM and SIGINT end it early, with what was sent by then."""
        plan, loop = self._plan, asyncio.get_running_loop()
        for told in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(told, self._stopped.set)
        pool = Pool(plan.gateway, plan.connections)
        kinds = itertools.cycle([kind for kind, times in plan.mix.items() for _ in range(times)])
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number, kind in zip(range(plan.requests), kinds, strict=False):
                entry = Entry(number, kind, number / plan.rate)
                await self._sleep_until(begun + entry.planned)
                if self._stopped.is_set():
                    break
                tasks.create_task(self._send(entry, pool, begun))
        pool.close()
        return self.ledger

    async def _sleep_until(self, moment: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), max(0.0, moment - time.perf_counter()))

    async def _send(self, entry: Entry, pool: Pool, begun: float) -> None:
        request = self._request(entry)
        deadline = begun + entry.planned + self._plan.retry_seconds
        while True:
            passes = True
            try:
                async with asyncio.timeout(self._plan.timeout_seconds):
                    answer = await pool.exchange(request)
            except (OSError, TimeoutError, httptools.HttpParserError) as error:
                entry.failure = type(error).__name__
            else:
                entry.trace_id, entry.failure = answer.trace_id, _failure(answer)
                passes = answer.status >= 500 or answer.status in _PASSING
                if not entry.failure:
                    self._note(entry, answer)
            if not (entry.failure and passes) or time.perf_counter() >= deadline:
                break
            entry.repeats += 1
            await asyncio.sleep(_PAUSE_SECONDS)
        entry.ended = time.perf_counter() - begun
        self.ledger.entries.append(entry)

    def _request(self, entry: Entry) -> bytes:
        if entry.kind == GET:
            return f"GET {self._base}/v1/{random.choice(self._known)} HTTP/1.1\r\n{self._head}\r\n".encode()
        contact = {"givenName": "Load", "familyName": f"{self._mark}-{entry.number}", "account": self._account}
        body = json.dumps(contact).encode()
        head = (
            f"POST {self._base}/v1/contacts HTTP/1.1\r\n{self._head}Content-Type: application/json\r\n"
            f"Idempotency-Key: {self._mark}-{entry.number}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _note(self, entry: Entry, answer: Answer) -> None:
        if entry.kind == CREATE:
            try:
                entry.name = json.loads(answer.body)["name"]
            except (ValueError, KeyError, TypeError):
                entry.failure = "an answer without a name"
            else:
                self._known.append(entry.name)


def _failure(answer: Answer) -> str:
    """The status with the reason that the problem details give; "" for a success."""
    if 200 <= answer.status < 300:
        return ""
    try:
        reason = str(json.loads(answer.body)["reason"])
    except (ValueError, KeyError, TypeError):
        reason = ""
    return f"{answer.status} {reason}".strip()[:_KIND_LENGTH]
