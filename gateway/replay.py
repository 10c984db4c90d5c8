"""What happened since an event, from the logs of all services, in one order (event ids grow with time)."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator, Iterable

import grpc
from kith.type.v1 import platform_service_pb2 as pb

from gateway import errors
from gateway.channels import Call, Channels
from gateway.subscriptions import Event, event_of

OVERLAP_SECONDS = 5.0
"""Ids are given before the commit, so an older one may become visible later, by as long as a transaction takes."""
PAGE = 100
"""Events of a page: an event holds up to 100 kB, and an answer 16 MiB."""
TIMEOUT_SECONDS = 10.0

_METHOD = "/kith.type.v1.PlatformService/ListEvents"


class Logs:
    """The event logs of all services."""

    def __init__(self, channels: Channels) -> None:
        self._calls = {
            service: channels.call_at(service, _METHOD, pb.ListEventsResponse) for service in channels.services()
        }

    async def since(self, event_id: uuid.UUID, token: str, traceparent: str) -> AsyncIterator[list[Event]]:
        """All events of the caller's tenant after the given one, in parts, oldest first; begins a little earlier.

        The first part comes when every service has answered, so whoever has it knows that all can be reached.

        Raises:
            Problem: a service refused, or does not answer.
        """
        metadata = (("authorization", f"Bearer {token}"), ("traceparent", traceparent))
        sources = [_Source(name, call, _before(event_id), metadata) for name, call in self._calls.items()]
        while True:
            await asyncio.gather(*(source.fill() for source in sources))
            part = list(_merged(sources))
            yield part
            if all(source.ended and not source.events for source in sources):
                return


class _Source:
    """One service's log, page by page."""

    def __init__(
        self,
        service: str,
        call: Call,
        after: str,
        metadata: tuple[tuple[str, str], ...],
    ) -> None:
        self.events: deque[Event] = deque()
        self.ended = False
        self._service = service
        self._call = call
        self._after = after
        self._metadata = metadata

    async def fill(self) -> None:
        """Gets the next page if none is left."""
        if self.events or self.ended:
            return
        request = pb.ListEventsRequest(after=self._after, page_size=PAGE)
        try:
            answer = await self._call(request, timeout=TIMEOUT_SECONDS, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise errors.from_rpc(error, self._service) from None
        self.events.extend(event_of(text.encode()) for text in answer.events)
        self.ended = len(answer.events) < PAGE
        if self.events:
            self._after = self.events[-1].id


def _merged(sources: Iterable[_Source]) -> Iterable[Event]:
    """The oldest events first, for as long as it is sure that no source has an older one yet to come."""
    waiting = [source for source in sources if source.events or not source.ended]
    while waiting and all(source.events for source in waiting):
        oldest = min(waiting, key=lambda source: source.events[0].id)
        yield oldest.events.popleft()
        if not oldest.events and oldest.ended:
            waiting.remove(oldest)


def _before(event_id: uuid.UUID) -> str:
    """The least UUID of version 7 whose time is the overlap before the given one's (RFC 9562: 48 bits of ms)."""
    milliseconds = max(0, (event_id.int >> 80) - int(OVERLAP_SECONDS * 1000))
    return str(uuid.UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62)))
