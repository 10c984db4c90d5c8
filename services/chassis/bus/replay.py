"""Sends events from the services' logs to one listener again: for a new read model, or after a mistake was mended."""

from __future__ import annotations

import datetime
import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pymongo.database import Database

from services.chassis.bus import changelog
from services.chassis.bus.events import exchange, routing_key
from services.chassis.bus.link import Link
from services.chassis.bus.outgoing import Encoder
from services.chassis.bus.publisher import Publisher
from services.chassis.bus.topology import Listener, Topology, matches, queue

Change = Mapping[str, Any]
Databases = Mapping[str, Database[dict[str, Any]]]
_MOST_UNCONFIRMED = 500


def log(
    databases: Databases, since: datetime.datetime | None = None, query: Mapping[str, Any] | None = None
) -> Iterator[tuple[str, Change]]:
    """(service, Change) of several services' logs, in the order of their ids, which is that of time."""

    def of(service: str) -> Iterator[tuple[str, Change]]:
        return ((service, change) for change in changelog.since(databases[service], since, query))

    return heapq.merge(*(of(service) for service in databases), key=lambda entry: str(entry[1]["_id"]))


def heard_by(listener: Listener, entries: Iterable[tuple[str, Change]]) -> Iterator[Change]:
    """Those Changes whose events a service listens to."""
    for service, change in entries:
        target, key = exchange(service), routing_key(change)
        if any(binding.exchange == target and matches(binding.key, key) for binding in listener.bindings):
            yield change


def send(uri: str, topology: Topology, service: str, changes: Iterable[Change], encode: Encoder) -> int:
    """Puts events straight into a service's queue, marked so that its inbox lets them pass; returns how many.

    Handlers are idempotent by the record's version, so a replay repairs and does not double.

    Raises:
        BusError, NotSent: the broker is away or refuses; what was sent until then stays sent.
    """
    link = Link(uri, "kith-replay")
    try:
        topology.declare(link.channel)
        publisher = Publisher(link)
        link.start()
        for change in changes:
            outgoing = encode(change, str(change.get("trace", "")), replay=True)
            if outgoing is not None:
                publisher.send(outgoing.body, outgoing.properties, key=queue(service))
                publisher.await_confirmed(at_most=_MOST_UNCONFIRMED)
        publisher.await_confirmed()
        return publisher.sent
    finally:
        link.close()


def sources(listener: Listener, only: Sequence[str] = ()) -> list[str]:
    """The services whose events a listener hears, or those of them that are wanted."""
    found = sorted({binding.exchange.removesuffix(".events") for binding in listener.bindings})
    return [service for service in found if not only or service in only]
