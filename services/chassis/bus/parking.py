"""Parked events: what could not be handled, why, and sending it back or away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from amqp.basic_message import Message

from services.chassis.bus import failures
from services.chassis.bus.connection import connect
from services.chassis.bus.topology import parking_queue, queue


@dataclass(frozen=True, slots=True)
class Parked:
    """One parked message. Times are RFC 3339; what a message does not tell is empty."""

    service: str
    id: str
    type: str
    record: str
    tenant: str
    reason: str
    attempts: int
    first: str
    last: str
    traceback: str


Wanted = Callable[[Parked], bool]


def look(uri: str, service: str, limit: int, wanted: Wanted) -> list[Parked]:
    """The wanted ones among the oldest parked messages of a service; all of them stay where they are.

    Raises:
        BusError: the broker is away.
    """
    with _messages(uri, service, limit) as (_, messages):
        return [parked for parked in (describe(service, message) for message in messages) if wanted(parked)]


def drop(uri: str, service: str, limit: int, wanted: Wanted) -> list[Parked]:
    """Throws parked messages away for good; returns them."""
    return _take(uri, service, limit, wanted, lambda channel, message: None)


def send_back(uri: str, service: str, limit: int, wanted: Wanted) -> list[Parked]:
    """Puts parked messages back into the service's queue, as if they had never failed; returns them."""
    return _take(uri, service, limit, wanted, lambda channel, message: _return(channel, message, service))


def describe(service: str, message: Any) -> Parked:
    """What a parked message tells about itself."""
    headers = failures.headers(message)
    event = _event(message.body)
    deaths = headers.get("x-death") or [{}]
    return Parked(
        service=service,
        id=str(event.get("id") or message.properties.get("message_id", "")),
        type=str(event.get("type", "")),
        record=str(event.get("subject", "")),
        tenant=str(event.get("tenant", "")),
        reason=str(headers.get(failures.REASON) or deaths[0].get("reason", "")),
        attempts=failures.attempt(message),
        first=str(headers.get(failures.FIRST_FAILURE, "")),
        last=str(headers.get(failures.LAST_FAILURE, "")),
        traceback=str(headers.get(failures.TRACEBACK, "")),
    )


def _take(uri: str, service: str, limit: int, wanted: Wanted, act: Callable[[Any, Any], None]) -> list[Parked]:
    taken = []
    with _messages(uri, service, limit) as (channel, messages):
        for message in messages:
            parked = describe(service, message)
            if wanted(parked):
                act(channel, message)
                channel.basic_ack(message.delivery_tag)
                taken.append(parked)
    return taken


def _return(channel: Any, message: Any, service: str) -> None:
    kept = {name: value for name, value in message.properties.items() if name != "application_headers"}
    headers = {
        name: value
        for name, value in failures.headers(message).items()
        if not name.startswith(("kith-", "x-")) and name != failures.REPLAY
    }
    body = message.body.encode() if isinstance(message.body, str) else bytes(message.body)
    fresh = Message(body, **{**kept, "application_headers": headers, "delivery_mode": 2})
    channel.basic_publish_confirm(fresh, "", queue(service), mandatory=True)


@contextmanager
def _messages(uri: str, service: str, limit: int) -> Iterator[tuple[Any, Iterator[Any]]]:
    """Messages of the parking queue; those that are not acked go back when the connection closes."""
    with connect(uri, "kith-parking") as connection:
        channel = connection.channel()

        def read() -> Iterator[Any]:
            for _ in range(limit):
                message = channel.basic_get(parking_queue(service))
                if message is None:
                    return
                yield message

        yield channel, read()


def _event(body: bytes | str) -> dict[str, Any]:
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) else {}
