"""The relay: publishes every committed Change of one service, in order and at least once."""

from __future__ import annotations

import datetime
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import amqp
from pymongo.database import Database
from pymongo.errors import PyMongoError

from services.chassis.bus import changelog, progress
from services.chassis.bus.checkpoints import Checkpoints
from services.chassis.bus.connection import BusError
from services.chassis.bus.events import exchange, routing_key
from services.chassis.bus.link import Link
from services.chassis.bus.outgoing import Outgoing
from services.chassis.bus.publisher import NotSent, Publisher
from services.chassis.bus.pulse import Pulse
from services.chassis.bus.topology import Topology
from services.chassis.lease import Lease, LeaseLost
from services.chassis.patience import Patience
from services.chassis.telemetry import RELAY_LAG, SENT, publish_span

_log = logging.getLogger(__name__)
MOST_UNCONFIRMED = 500
_STANDBY_SECONDS = 0.5
_HEALTHY_SECONDS = 30.0


class Relay:
    """Publishes the Changes in a service's database while it holds the service's lease; others stand by.

    encode: a Change as the message to send, or None for one that cannot be sent (it has logged why).
    """

    def __init__(
        self,
        *,
        service: str,
        database: Database[dict[str, Any]],
        uri: str,
        topology: Topology,
        encode: Callable[[Mapping[str, Any], str], Outgoing | None],
        pulse: Pulse,
        stopping: threading.Event,
    ) -> None:
        self._service = service
        self._database = database
        self._uri = uri
        self._topology = topology
        self._encode = encode
        self._pulse = pulse
        self._stopping = stopping
        self._lease = Lease(database, "relay")
        self._link: Link | None = None
        self._heard: dict[str, bool] = {}

    def run(self) -> None:
        """Relays until the worker stops; every failure is answered by trying again after a growing delay."""
        patience = Patience()
        while not self._stopping.is_set():
            began = time.monotonic()
            problem, refused = self._lead()
            if problem and not self._stopping.is_set():
                if time.monotonic() - began > _HEALTHY_SECONDS:
                    patience.reset()
                self._pulse.waiting(problem, refused=refused)
                _log.warning("not relaying: %s", problem)
                self._stopping.wait(patience.seconds())

    def stop(self) -> None:
        """Has `run` come to its end: what is sent is confirmed and remembered, the lease given back."""
        self._stopping.set()

    def _lead(self) -> tuple[str, bool]:
        """Relays as long as that goes well; returns what went wrong, and whether the broker refuses us."""
        self._link = None
        try:
            if not self._lease.acquire():
                self._pulse.working()  # somebody else relays: that is as it should be
                self._stopping.wait(_STANDBY_SECONDS)
                return "", False
            try:
                self._relay()
            finally:
                self._lease.release()
        except LeaseLost:
            return "the lease was lost", False
        except (BusError, NotSent) as error:
            return str(error), self._link is not None and self._link.refused
        except (amqp.AMQPError, OSError) as error:
            refused = isinstance(error, amqp.AMQPError) and (error.reply_code or 0) >= 400
            return f"{type(error).__name__} {getattr(error, 'reply_text', '')}", refused
        except PyMongoError as error:
            return f"the database: {type(error).__name__} {getattr(error, 'code', None) or ''}".rstrip(), False
        return "", False

    def _relay(self) -> None:
        link = self._link = Link(self._uri, f"kith-{self._service}-relay")
        try:
            self._topology.declare(link.channel)
            publisher = Publisher(link)
            link.start()
            checkpoints = Checkpoints(self._database, publisher, self._lease.epoch)
            try:
                self._follow(link, publisher, checkpoints)
            finally:
                checkpoints.close()
        finally:
            link.close()

    def _follow(self, link: Link, publisher: Publisher, checkpoints: Checkpoints) -> None:
        with changelog.tail(self._database, progress.load(self._database)) as changes:
            for change, point in changes:
                self._lease.check()
                if change is not None:
                    self._publish(change, publisher)
                checkpoints.reached(point, idle=change is None)
                most = 0 if link.blocked or self._stopping.is_set() else MOST_UNCONFIRMED
                publisher.await_confirmed(at_most=most, meanwhile=self._meanwhile)
                self._pulse.working()
                if self._stopping.is_set():
                    return

    def _publish(self, change: Mapping[str, Any], publisher: Publisher) -> None:
        target, key = exchange(self._service), routing_key(change)
        with publish_span(target, key, change.get("trace", ""), change["_id"]) as span:
            outgoing = self._encode(change, span.traceparent)
            if outgoing is not None:
                # What nobody listens to has no queue to find: it is kept in the log all the same.
                heard = self._heard.get(key)
                if heard is None:
                    heard = self._heard[key] = self._topology.hears(target, key)
                publisher.send(outgoing.body, outgoing.properties, exchange=target, key=key, mandatory=heard)
        SENT.add(1, (target,))
        age = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - change["time"]
        RELAY_LAG.set(age.total_seconds())

    def _meanwhile(self) -> None:
        """What goes on while the broker takes its time."""
        self._lease.check()
        if self._stopping.is_set():
            raise NotSent("the worker stops while the broker takes nothing")
        if self._link is not None and self._link.blocked:
            self._pulse.waiting("the broker blocks its publishers (memory or disk alarm)")
        else:
            self._pulse.beat()
