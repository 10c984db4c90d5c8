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
from dataclasses import dataclass
from typing import Any

import amqp
import eventlet
from nameko.extensions import Entrypoint

from services.chassis.bus.connection import BusError
from services.chassis.bus.delivery import Delivery
from services.chassis.bus.failures import Failures
from services.chassis.bus.link import Link
from services.chassis.bus.publisher import Publisher
from services.chassis.bus.pulse import Pulse
from services.chassis.bus.sideline import Sideline
from services.chassis.bus.topology import Topology, queue
from services.chassis.bus.waiting import Waiting
from services.chassis.patience import Patience

_log = logging.getLogger(__name__)
_DRAIN_SECONDS = 20.0
_HEALTHY_SECONDS = 30.0
_HELD_PER_WORKER = 4
"""So many messages wait here, so that they can be handled together."""


@dataclass(slots=True)
class _Session:
    """One connection, and what came over it."""

    link: Link
    failures: Failures
    waiting: Waiting
    scheduled: bool = False


class EventConsumer(Entrypoint):  # type: ignore[misc]  # nameko has no types
    """Consumes a service's queue and has its nameko service method called as `method(deliveries, failures)`.

    The method gets one delivery, or several of one tenant, and returns whether they are to be acked; several that are
    not come again one by one. At most `max_workers` calls run at a time, and four times as many messages are held.
    """

    def __init__(
        self,
        *,
        service: str,
        uri: str,
        topology: Topology,
        failures: Callable[[Callable[[], Publisher]], Failures],
        unwanted: Callable[[Any], bool],
        open: Callable[[Any], Delivery],
        pulse: Pulse,
        stopping: threading.Event,
    ) -> None:
        super().__init__()
        self._service = service
        self._uri = uri
        self._topology = topology
        self._failures = failures
        self._unwanted = unwanted
        self._open = open
        self._pulse = pulse
        self._stopping = stopping
        self._link: Link | None = None
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
            most = self.container.max_workers
            session = _Session(link, self._failures(sideline.publisher), Waiting(most))
            # Per consumer, not per channel: quorum queues of RabbitMQ 4 know nothing else.
            link.channel.basic_qos(0, _HELD_PER_WORKER * most, False)
            link.channel.basic_consume(
                queue(self._service), consumer_tag=_TAG, callback=lambda message: self._received(message, session)
            )
            link.start()
            self._pulse.working()
            while not self._stopping.wait(1.0):
                link.check()
                self._pulse.working()
            self._finish(session)
        finally:
            link.close()
            sideline.close()

    def _finish(self, session: _Session) -> None:
        """Takes no more messages, and lets those that have come reach their end."""
        with contextlib.suppress(Exception):
            session.link.channel.basic_cancel(_TAG, nowait=True)
        deadline = time.monotonic() + _DRAIN_SECONDS
        while not session.waiting.idle and session.link.alive and time.monotonic() < deadline:
            time.sleep(0.02)

    def _received(self, message: Any, session: _Session) -> None:
        if self._unwanted(message):
            _ack(message, session.link)
            return
        session.waiting.add(self._open(message))
        self._schedule(session)

    def _schedule(self, session: _Session) -> None:
        """Has the next ones start when this green thread has read what there is to read."""
        if not session.scheduled:
            session.scheduled = True
            eventlet.spawn_n(self._start_next, session)

    def _start_next(self, session: _Session) -> None:
        session.scheduled = False
        while session.link.alive and (taken := session.waiting.take()):
            self._spawn(taken, session)

    def _spawn(self, taken: list[Delivery], session: _Session) -> None:
        def done(_context: Any, result: Any = None, exc_info: Any = None) -> tuple[Any, Any]:
            if exc_info is not None:
                # It could not be put aside: the broker gives it out again, after a pause.
                session.link.abandon("a failed event could not be put aside")
            elif result:
                for delivery in taken:
                    _ack(delivery.message, session.link)
            session.waiting.end(taken, again=exc_info is None and not result and len(taken) > 1)
            self._schedule(session)
            return result, exc_info

        self.container.spawn_worker(self, (taken, session.failures), {}, handle_result=done)


def _ack(message: Any, link: Link) -> None:
    """Acks; on a lost connection the broker has taken the message back already, and the inbox knows it."""
    if link.alive:
        try:
            message.channel.basic_ack(message.delivery_tag)
        except (amqp.AMQPError, OSError) as error:
            _log.warning("an ack did not reach the broker: %s", type(error).__name__)


_TAG = "kith"
