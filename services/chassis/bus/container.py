"""Puts a worker together as a nameko service."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nameko.containers import ServiceContainer
from nameko.extensions import DependencyProvider
from nameko.timer import Timer

from services.chassis import protos
from services.chassis.bus.consumer import EventConsumer
from services.chassis.bus.delivery import Deliveries
from services.chassis.bus.failures import Failures
from services.chassis.bus.handlers import Handlers
from services.chassis.bus.outgoing import Encoder
from services.chassis.bus.pulse import Pulse
from services.chassis.bus.relay import Relay
from services.chassis.bus.topology import Topology, queue
from services.chassis.mongo import Client
from services.chassis.resources.records import Record
from services.chassis.resources.requests import forget_expired
from services.chassis.resources.store import Store
from services.chassis.settings import SettingError, Settings

_FORGET_SECONDS = 3600.0
"""So often the ids of requests that can no longer be repeated are forgotten, by every worker: it is the same work."""


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker is made of: the service's name, its records (whose Changes it relays) and its handlers."""

    service: str
    records: Sequence[Record]
    handlers: Handlers


def build(
    worker: Worker, client: Client, settings: Settings, stopping: threading.Event
) -> tuple[ServiceContainer, Sequence[Pulse]]:
    """The container of a worker, not started yet, and the pulses of its loops.

    Raises:
        SettingError: AMQP_URI is not set.
        RuntimeError: a handler waits for events that the service's protos do not subscribe to.
    """
    if not settings.amqp_uri:
        raise SettingError("AMQP_URI is not set: give amqp://user:password@host:port/vhost")
    topology = Topology.of(protos.files(), retries=len(settings.retry_delays))
    _check(worker, topology)
    store = Store(client, settings.database(worker.service), worker.records)
    common: dict[str, Any] = {"service": worker.service, "uri": settings.amqp_uri}
    common |= {"topology": topology, "stopping": stopping}
    pulses = [Pulse("relay")]
    relay = Relay(
        database=store.database,
        encode=Encoder(record.type for record in worker.records),
        pulse=pulses[0],
        **common,
    )
    parts: dict[str, Any] = {
        "name": f"{worker.service}-worker",
        "relay": _RelayExtension(relay),
        "forget": Timer.decorator(_FORGET_SECONDS, eager=True)(lambda _self: forget_expired(store.database)),
    }
    if topology.listener(worker.service).bindings:
        pulses.append(Pulse("consumer"))
        deliveries = Deliveries(
            worker.service, store, worker.handlers, queue(worker.service), lambda seconds: not stopping.wait(seconds)
        )
        parts["handle"] = EventConsumer.decorator(
            failures=lambda publisher: Failures(worker.service, settings.retry_delays, publisher),
            unwanted=deliveries.unwanted,
            open=deliveries.open,
            pulse=pulses[1],
            **common,
        )(lambda _self, taken, failures: deliveries.settle(taken, failures))
    service = type("KithWorker", (), parts)
    # Green threads mostly wait for commits, so there are more of them than an api has real ones.
    return ServiceContainer(service, {"max_workers": 2 * settings.threads}), pulses


class _RelayExtension(DependencyProvider):  # type: ignore[misc]  # nameko has no types
    """Runs the relay as long as the container runs."""

    def __init__(self, relay: Relay) -> None:
        super().__init__()
        self._relay = relay
        self._thread: Any = None

    def start(self) -> None:
        self._thread = self.container.spawn_managed_thread(self._relay.run, identifier="relay")

    def stop(self) -> None:
        self._relay.stop()
        self._thread.wait()


def _check(worker: Worker, topology: Topology) -> None:
    keys = tuple(binding.key for binding in topology.listener(worker.service).bindings)
    unheard = worker.handlers.unheard(keys)
    if unheard:
        raise RuntimeError(
            f"{worker.service} handles {', '.join(unheard)} but does not subscribe to it: "
            f"add it to protos/kith/{worker.service}/v1/events.proto"
        )
