"""Exchanges, queues and bindings, read from what the protos say each service hears, declared by everybody.

Every relay and every worker declares all of it before it publishes or consumes, so no event is ever sent to a
queue that is not there yet. Declaring is idempotent. A queue's arguments can never change: a new version gets a
new name (`.v2`), since RabbitMQ answers changed arguments with 406 for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import FileDescriptor
from kith.type.v1 import options_pb2

DELIVERY_LIMIT = 50
"""So often a message may come back because its worker died or lost its connection; then it is parked."""

_UNLIMITED = 1_000_000_000  # RabbitMQ 4 limits to 20 unless told otherwise, and 3.10 knows no word for "never"


@dataclass(frozen=True, slots=True)
class Binding:
    """A queue's wish: routing keys (`lead.*`) on an exchange (`sales.events`)."""

    exchange: str
    key: str


@dataclass(frozen=True, slots=True)
class Listener:
    """A service that hears events, and which."""

    service: str
    bindings: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that must stand before an event travels."""

    exchanges: tuple[str, ...]
    listeners: tuple[Listener, ...]
    retries: int

    @staticmethod
    def of(files: Iterable[FileDescriptor], *, retries: int) -> Topology:
        """The topology that `kith.type.v1.subscriptions` options declare, with so many retry queues per listener."""
        bindings: dict[str, list[Binding]] = {}
        exchanges = set()
        for file in files:
            parts = file.package.split(".")
            if len(parts) == 3 and parts[1] != "type":
                exchanges.add(f"{parts[1]}.events")
                options: Any = file.GetOptions()
                for subscription in options.Extensions[options_pb2.subscriptions]:
                    found = bindings.setdefault(parts[1], [])
                    found += [Binding(subscription.exchange, key) for key in subscription.keys]
        listeners = (Listener(service, tuple(found)) for service, found in sorted(bindings.items()))
        exchanges |= {binding.exchange for found in bindings.values() for binding in found}
        return Topology(tuple(sorted(exchanges)), tuple(listeners), retries)

    def listener(self, service: str) -> Listener:
        """What a service hears; nothing, if its protos declare no subscription."""
        return next((found for found in self.listeners if found.service == service), Listener(service, ()))

    def hears(self, exchange: str, key: str) -> bool:
        """Whether anybody listens to a routing key on an exchange."""
        return any(
            binding.exchange == exchange and matches(binding.key, key)
            for listener in self.listeners
            for binding in listener.bindings
        )

    def declare(self, channel: Any) -> None:
        """Declares all of it on an AMQP channel, and returns when the broker has done so.

        Raises:
            amqp.PreconditionFailed: a queue of that name stands with other arguments.
        """
        # Some eighty declarations without waiting for each one's answer; a refusal closes the channel, and the last
        # question, which is answered after all of them, raises it.
        for exchange in self.exchanges:
            channel.exchange_declare(exchange, "topic", durable=True, auto_delete=False, nowait=True)
        for listener in self.listeners:
            _declare_queues(channel, listener.service, self.retries)
            for binding in listener.bindings:
                channel.queue_bind(queue(listener.service), binding.exchange, binding.key, nowait=True)
        channel.basic_qos(0, 0, False)


def queue(service: str) -> str:
    """The one queue of a listening service."""
    return f"{service}.events.v1"


def retry_queue(service: str, number: int) -> str:
    """Where an event waits after its failure number `number`, counted from 1."""
    return f"{queue(service)}.retry.{number}"


def parking_queue(service: str) -> str:
    """Where an event ends that could not be handled, until somebody sends it back."""
    return f"{queue(service)}.parked"


@cache
def matches(pattern: str, key: str) -> bool:
    """Whether a topic pattern fits a routing key: `*` is one word, `#` any number of them."""
    return _fits(pattern.split("."), key.split("."))


def _fits(pattern: list[str], words: list[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return any(_fits(pattern[1:], words[skipped:]) for skipped in range(len(words) + 1))
    return bool(words) and pattern[0] in ("*", words[0]) and _fits(pattern[1:], words[1:])


def _declare_queues(channel: Any, service: str, retries: int) -> None:
    # Looking at what is parked gives it back each time, which must never throw it away.
    _quorum(channel, parking_queue(service), {"x-delivery-limit": _UNLIMITED})
    _quorum(channel, queue(service), {"x-delivery-limit": DELIVERY_LIMIT, **_dead_letters(parking_queue(service))})
    for number in range(1, retries + 1):
        # How long an event waits is a property of the message, so that the delays can be changed.
        _quorum(channel, retry_queue(service, number), _dead_letters(queue(service)))


def _quorum(channel: Any, name: str, arguments: dict[str, Any]) -> None:
    channel.queue_declare(
        name,
        durable=True,
        exclusive=False,
        auto_delete=False,
        nowait=True,
        arguments={"x-queue-type": "quorum", **arguments},
    )


def _dead_letters(target: str) -> dict[str, Any]:
    """Dead letters go on with confirms; by default RabbitMQ sends them without and may lose them."""
    return {
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": target,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
