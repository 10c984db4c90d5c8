"""`/v1/events:stream`: a tenant's events as server-sent events, gap-free with `Last-Event-ID`.

The order is what makes it gap-free: first collect live events, then replay the logs, then send what was collected
(without what the replay had), then go on live.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable

from gateway.auth import Authenticator
from gateway.errors import Problem, bad_request
from gateway.hub import EventHub
from gateway.limits import RateLimiter
from gateway.replay import Logs
from gateway.requests import Request, Send
from gateway.responses import api_headers
from gateway.subscriptions import Cut, Event, Subscription
from services.chassis import protos
from services.chassis.errors import PermissionDenied, Unauthenticated
from services.chassis.principal import Principal
from services.chassis.resources.json_values import closest
from services.chassis.telemetry import HttpServerSpan

PATH = "/v1/events:stream"
PERMISSION = "events.read"
HEARTBEAT_SECONDS = 15.0
SEND_SECONDS = 30.0
"""A client that takes nothing for so long is cut off."""
CHECK_SECONDS = 60.0
"""So often the caller's token or key is checked again."""
MOST_REMEMBERED = 10_000

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-accel-buffering", b"no"),  # proxies of nginx's kind would hold events back
    # Whoever comes back after the end of a stream is to find another gateway, if this one is about to end.
    (b"connection", b"close"),
]


class EventStreams:
    """Serves event streams."""

    def __init__(
        self, hub: EventHub, logs: Logs, authenticator: Authenticator, limiter: RateLimiter, most: int
    ) -> None:
        self._hub = hub
        self._logs = logs
        self._authenticator = authenticator
        self._limiter = limiter
        self._most = most
        self._kinds = readable_kinds()

    async def serve(self, request: Request, send: Send, span: HttpServerSpan) -> None:
        """Answers one client until either side ends it."""
        if request.method != "GET":
            # HEAD: there is no end of the stream whose headers could be told.
            raise Problem(405, "METHOD_NOT_ALLOWED", "A stream can only be read.", headers=[(b"allow", b"GET")])
        principal = await self._authenticator.principal(request)
        limits = self._limiter.take(f"{principal.tenant} {principal.subject}")
        if self._hub.size >= self._most:
            headers = [(b"retry-after", b"5")]
            raise Problem(503, "OVERLOADED", "Too many event streams are open. Try again.", headers=headers)
        wants = self._wants(request, principal)
        last = _last_event_id(request)
        subscription = await self._hub.subscribe(principal.tenant, wants)
        gone = asyncio.create_task(_cut_when_gone(request, subscription))
        try:
            events = self._events(subscription, wants, last, principal, span)
            first = await anext(events)
            span.status = 200
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [*_HEADERS, *api_headers(span), *limits],
                }
            )
            await self._send_all(send, first, events, subscription, request)
        finally:
            gone.cancel()
            self._hub.unsubscribe(subscription)

    async def _events(
        self,
        subscription: Subscription,
        wants: Callable[[str], bool],
        last: uuid.UUID | None,
        principal: Principal,
        span: HttpServerSpan,
    ) -> AsyncIterator[list[Event]]:
        """Parts of the stream; an empty one is a heartbeat. The first comes when nothing can be refused any more."""
        sent = _Sent(str(last))
        if last is None:
            yield []
        else:
            async for part in self._logs.since(last, principal.token, span.traceparent):
                yield [event for event in part if sent.first(event) and wants(event.kind)]
        while True:
            yield [event for event in await subscription.take(HEARTBEAT_SECONDS) if sent.first(event)]

    async def _send_all(
        self,
        send: Send,
        first: list[Event],
        events: AsyncIterator[list[Event]],
        subscription: Subscription,
        request: Request,
    ) -> None:
        loop = asyncio.get_running_loop()
        checked = loop.time()
        try:
            await _send(send, b"retry: 1000\n\n" + _frames(first))
            async for part in events:
                if subscription.ended:
                    raise Cut
                await _send(send, _frames(part))
                if loop.time() - checked > CHECK_SECONDS:
                    await self._authenticator.principal(request)
                    checked = loop.time()
        except (Cut, Problem, Unauthenticated):
            # The response has begun: all that can be said is that it ends. A client comes back and is told why.
            pass
        except TimeoutError:
            request.abort()
            await asyncio.sleep(0)  # lets the server notice that the connection is gone
            return
        await send({"type": "http.response.body", "body": b""})

    def _wants(self, request: Request, principal: Principal) -> Callable[[str], bool]:
        if not principal.may(PERMISSION):
            raise PermissionDenied(f"you need the permission {PERMISSION}", metadata={"permission": PERMISSION})
        asked = _asked_kinds(request, self._kinds)
        for kind in asked:
            if not principal.may(self._kinds[kind]):
                needed = self._kinds[kind]
                raise PermissionDenied(f"you need the permission {needed}", metadata={"permission": needed})
        kinds = frozenset(asked or (kind for kind, needed in self._kinds.items() if principal.may(needed)))
        return kinds.__contains__


class _Sent:
    """The ids of the events that one client got lately."""

    def __init__(self, last: str) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict({last: None})

    def first(self, event: Event) -> bool:
        """Whether the event has not been here before."""
        if event.id in self._ids:
            return False
        self._ids[event.id] = None
        if len(self._ids) > MOST_REMEMBERED:
            self._ids.popitem(last=False)
        return True


def readable_kinds() -> dict[str, str]:
    """The permission to read each kind of record: `contact` to `contacts.read`."""
    kinds = {}
    for record in protos.records():
        resource = protos.resource(record)
        if resource is not None:
            kinds[_UPPER.sub(lambda match: "_" + match[0].lower(), resource.singular)] = f"{resource.plural}.read"
    return kinds


def _asked_kinds(request: Request, known: Iterable[str]) -> list[str]:
    asked: list[str] = []
    for name, value in request.query():
        if name != "kinds":
            raise bad_request(name[:80] or "query", f"is not a known parameter{closest(name, ['kinds'])}")
        asked += [kind.strip() for kind in value.split(",") if kind.strip()]
    for kind in asked:
        if kind not in known:
            raise bad_request("kinds", f"has no kind {kind[:40]!r}{closest(kind, known)}")
    return asked


def _last_event_id(request: Request) -> uuid.UUID | None:
    text = request.header(b"last-event-id")
    if not text:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        raise bad_request("Last-Event-ID", "must be the id of an event as the stream gave it") from None


def _frames(events: list[Event]) -> bytes:
    return b"".join([event.frame for event in events]) or b": heartbeat\n\n"


async def _send(send: Send, body: bytes) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _cut_when_gone(request: Request, subscription: Subscription) -> None:
    await request.gone()
    subscription.cut()


_UPPER = re.compile(r"[A-Z]")
