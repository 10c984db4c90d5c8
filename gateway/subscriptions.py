"""One client's share of the live events: what waits to be sent to it, and the end of its patience."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import orjson

MOST_WAITING = 10_000
"""Events that may wait for a client; one that falls further behind is cut off and comes back with Last-Event-ID."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it is sent: `kind` is what permissions are about, `frame` the server-sent event."""

    id: str
    tenant: str
    kind: str
    frame: bytes


class NoEvent(ValueError):
    """The text is no CloudEvent of ours."""


def event_of(body: bytes) -> Event:
    """An event from a CloudEvent in structured JSON.

    Raises:
        NoEvent: it lacks what every event of ours has.
    """
    try:
        content = orjson.loads(body)
        event_id, tenant, kind_and_verb = content["id"], content["tenant"], content["type"].split(".")[-2:]
        kind, verb = kind_and_verb
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoEvent from error
    if b"\n" in body or b"\r" in body:
        body = orjson.dumps(content)
    frame = b"id: %b\nevent: %b.%b\ndata: %b\n\n" % (event_id.encode(), kind.encode(), verb.encode(), body)
    return Event(event_id, tenant, kind, frame)


class Cut(Exception):
    """The stream ends here; the client is to come back with Last-Event-ID."""


class Subscription:
    """Events on their way to one client."""

    def __init__(self, tenant: str, wants: Callable[[str], bool]) -> None:
        """`wants` says for a kind whether the client may have and asked for it."""
        self.tenant = tenant
        self.wants = wants
        self._waiting: deque[Event] = deque()
        self._news = asyncio.Event()
        self._cut = False

    @property
    def ended(self) -> bool:
        """Whether the stream was ended."""
        return self._cut

    def offer(self, event: Event) -> None:
        """Adds a live event if the client wants it."""
        if not self.wants(event.kind):
            return
        if len(self._waiting) >= MOST_WAITING:
            self.cut()
            return
        self._waiting.append(event)
        self._news.set()

    def cut(self) -> None:
        """Ends the stream."""
        self._cut = True
        self._news.set()

    async def take(self, seconds: float) -> list[Event]:
        """What has come, or nothing after so many seconds.

        Raises:
            Cut: the stream was ended.
        """
        if not self._waiting and not self._cut:
            try:
                async with asyncio.timeout(seconds):
                    await self._news.wait()
            except TimeoutError:
                return []
        if self._cut:
            raise Cut
        self._news.clear()
        events = list(self._waiting)
        self._waiting.clear()
        return events
