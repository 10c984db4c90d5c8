"""The nameko entrypoint for events: one quorum queue, several green threads, ack only after the commit.

Nameko's own consumers ack a message whose handler raised, lose what is no JSON, and look alive in an endless
reconnect loop; so only nameko's container, its worker pool and its life cycle are used here (`docs/decisions`).
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import amqp
from nameko.extensions import Entrypoint

from services.chassis.bus.connection import BusError
from services.chassis.bus.failures import Failures
from services.chassis.bus.link import Link
from services.chassis.bus.patience import Patience
from services.chassis.bus.publisher import Publisher
from services.chassis.bus.pulse import Pulse
from services.chassis.bus.sideline import Sideline
from services.chassis.bus.topology import Topology, queue

_log = logging.getLogger(__name__)
_DRAIN_SECONDS = 20.0
_HEALTHY_SECONDS = 30.0


class EventConsumer(Entrypoint):  # type: ignore[misc]  # nameko has no types
    """Consumes a service's queue and has its nameko service method called as `method(message, failures)`.

    The method returns whether the message is to be acked. At most `max_workers` messages are held at a time.
    """

    def __init__(
        self,
        *,
        service: str,
        uri: str,
        topology: Topology,
        failures: Callable[[Callable[[], Publisher]], Failures],
        unwanted: Callable[[Any], bool],
        pulse: Pulse,
        stopping: threading.Event,
    ) -> None:
        super().__init__()
        self._service = service
        self._uri = uri
        self._topology = topology
        self._failures = failures
        self._unwanted = unwanted
        self._pulse = pulse
        self._stopping = stopping
        self._link: Link | None = None
        self._held = 0
        self._thread: Any = None

    def start(self) -> None:
        """Part of nameko's life cycle: begins to consume."""
        self._thread = self.container.spawn_managed_thread(self._run, identifier="consume events")

    def stop(self) -> None:
        """Part of nameko's life cycle: takes no more messages, waits for those at work, says good-bye."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.wait()
        super().stop()

    def _run(self) -> None:
        patience = Patience()
        while not self._stopping.is_set():
            began = time.monotonic()
            refused = False
            try:
                self._consume()
            except BusError as error:
                refused = self._link is not None and self._link.refused
                problem = str(error)
            except (amqp.AMQPError, OSError) as error:
                # What is raised while declaring: the broker is there and says no, or is just going away.
                refused = isinstance(error, amqp.AMQPError) and (error.reply_code or 0) >= 400
                problem = f"{type(error).__name__} {getattr(error, 'reply_text', '')}"
            else:
                continue
            if self._stopping.is_set():
                return
            if time.monotonic() - began > _HEALTHY_SECONDS:
                patience.reset()
            self._pulse.waiting(problem, refused=refused)
            _log.warning("not consuming: %s", problem)
            self._stopping.wait(patience.seconds())

    def _consume(self) -> None:
        """Consumes until the connection is lost, which is raised, or the worker stops."""
        self._link = None
        self._link = link = Link(self._uri, f"kith-{self._service}-worker")
        sideline = Sideline(self._uri, f"kith-{self._service}-worker-failures")
        try:
            self._topology.declare(link.channel)
            failures = self._failures(sideline.publisher)
            # Per consumer, not per channel: quorum queues of RabbitMQ 4 know nothing else.
            link.channel.basic_qos(0, self.container.max_workers, False)
            link.channel.basic_consume(
                queue(self._service), consumer_tag=_TAG, callback=lambda message: self._spawn(message, link, failures)
            )
            link.start()
            self._pulse.working()
            while not self._stopping.wait(1.0):
                link.check()
                self._pulse.working()
            self._finish(link)
        finally:
            link.close()
            sideline.close()

    def _finish(self, link: Link) -> None:
        """Takes no more messages, and lets those at work come to their end."""
        with contextlib.suppress(Exception):
            link.channel.basic_cancel(_TAG, nowait=True)
        deadline = time.monotonic() + _DRAIN_SECONDS
        while self._held and link.alive and time.monotonic() < deadline:
            time.sleep(0.02)

    def _spawn(self, message: Any, link: Link, failures: Failures) -> None:
        if self._unwanted(message):
            _ack(message, link)
            return

        def done(_context: Any, result: Any = None, exc_info: Any = None) -> tuple[Any, Any]:
            self._held -= 1
            if exc_info is not None:
                # It could not be put aside: the broker gives it out again, after a pause.
                link.abandon("a failed event could not be put aside")
            elif result:
                _ack(message, link)
            return result, exc_info

        self._held += 1
        self.container.spawn_worker(self, (message, failures), {}, handle_result=done)


def _ack(message: Any, link: Link) -> None:
    """Acks; on a lost connection the broker has taken the message back already, and the inbox knows it."""
    if link.alive:
        try:
            message.channel.basic_ack(message.delivery_tag)
        except (amqp.AMQPError, OSError) as error:
            _log.warning("an ack did not reach the broker: %s", type(error).__name__)


_TAG = "kith"
