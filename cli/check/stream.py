"""One client of the event stream, who writes down what came and when."""

from __future__ import annotations

import datetime
import json
import threading
import time
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self

import httpx

from cli.check.expectation import Unmet, eventually

_PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class Seen:
    """One event: its id and type, its CloudEvent, and how long after the commit it came."""

    id: str
    event: dict[str, Any]
    delay_seconds: float


class EventStream:
    """Listens to /v1/events:stream in the background and goes on with Last-Event-ID when it is cut off."""

    def __init__(self, gateway: str, api_key: str, *, last: str = "") -> None:
        """`last` is the id of an event to go on after."""
        self._url = f"{gateway}/v1/events:stream"
        self._headers = {"Authorization": f"Bearer {api_key}", "Accept": "text/event-stream"}
        self._last = last
        self._stopped = threading.Event()
        self._problem = ""
        self.opened = threading.Event()
        self.seen: list[Seen] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def open(self, patience_seconds: float = 30.0) -> None:
        """Begins to listen.

        Raises:
            Unmet: the stream does not open for so long.
        """
        self._thread.start()
        if not self.opened.wait(patience_seconds):
            raise Unmet(f"an open event stream within {patience_seconds:g} s", self._problem)

    def close(self) -> None:
        """Listens no more."""
        self._stopped.set()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def about(self, record: str) -> list[Seen]:
        """The events of one record, in the order in which they came."""
        return [seen for seen in list(self.seen) if seen.event["subject"] == record]

    def until(self, record: str, events: set[str], *, seconds: float) -> list[Seen]:
        """What was seen of a record, each event once, as soon as all of these events were; fails if they are not."""
        ask = partial(self._complete, record, events)
        return eventually(ask, seconds=seconds, what=f"all {len(events)} events of {record} on the stream")

    def _complete(self, record: str, events: set[str]) -> list[Seen] | None:
        once = {seen.id: seen for seen in reversed(self.about(record))}
        return list(reversed(once.values())) if events <= once.keys() else None

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except httpx.HTTPError as error:
                self._problem = f"{type(error).__name__}: {error}"
                time.sleep(_PAUSE_SECONDS)

    def _listen(self) -> None:
        headers = {**self._headers, **({"Last-Event-ID": self._last} if self._last else {})}
        timeout = httpx.Timeout(5, read=60)
        with httpx.Client(timeout=timeout) as http, http.stream("GET", self._url, headers=headers) as response:
            if response.status_code != 200:
                self._problem = f"{response.status_code} {response.read().decode(errors='replace')[:500]}"
                time.sleep(_PAUSE_SECONDS)
                return
            self.opened.set()
            fields: dict[str, str] = {}
            for line in response.iter_lines():
                if self._stopped.is_set():
                    return
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
                elif "data" in fields:
                    self._note(fields)
                    fields = {}

    def _note(self, fields: dict[str, str]) -> None:
        event = json.loads(fields["data"])
        committed = datetime.datetime.fromisoformat(event["time"])
        delay = (datetime.datetime.now(datetime.UTC) - committed).total_seconds()
        self._last = fields["id"]
        self.seen.append(Seen(fields["id"], event, delay))
