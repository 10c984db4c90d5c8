"""Deliveries, from the bytes to the ack: decode, handle in one transaction with the inbox, or put aside.

Several that wait for the same tenant share a transaction. Should anything go wrong with it, nothing of it has happened,
and each of them is handled alone, so that the one to blame harms no other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from services.chassis import errors
from services.chassis.bus import events, failures, inbox
from services.chassis.bus.events import Event, Undecodable
from services.chassis.bus.failures import Failures
from services.chassis.bus.handlers import Handlers, Registered
from services.chassis.resources.changes import Author
from services.chassis.resources.store import Store
from services.chassis.resources.transaction import Transaction
from services.chassis.telemetry import ProcessSpan, current_traceparent

_log = logging.getLogger(__name__)
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
_BATCH_ATTEMPTS = 2
"""A batch that meets others twice is taken apart: it holds more records than any of its events does."""


@dataclass(slots=True, eq=False)
class Delivery:
    """One message on its way through the worker; `alone` when it must not share a transaction with others.

    `span` is there once its handling has begun.
    """

    message: Any
    event: Event | Undecodable
    handlers: tuple[Registered, ...] = ()
    alone: bool = True
    span: ProcessSpan | None = None

    @property
    def tenant(self) -> str:
        """The event's tenant."""
        return self.event.tenant if isinstance(self.event, Event) else ""


class Deliveries:
    """Handles the messages of one service's queue.

    `pause(seconds)` sleeps and returns False when the worker is stopping.
    """

    def __init__(self, service: str, store: Store, handlers: Handlers, queue: str, pause: Callable[[float], bool]):
        self._actor = f"services/{service}"
        self._store = store
        self._handlers = handlers
        self._queue = queue
        self._pause = pause

    def unwanted(self, message: Any) -> bool:
        """Whether no handler wants a message, as its `type` property tells without looking inside."""
        parts = str(message.properties.get("type", "")).split(".")
        return len(parts) == 5 and not self._handlers.of(f"{parts[3]}.{parts[4]}")

    def open(self, message: Any) -> Delivery:
        """Looks inside a message.

        Alone goes what has failed or was given back before, since it may do so again; what is sent again on purpose;
        and what has effects outside of the database, which may take long.
        """
        try:
            event = _event(message)
        except Undecodable as error:
            return Delivery(message, error)
        handlers = self._handlers.of(event.key)
        known = failures.headers(message)
        fresh = not (message.delivery_info or {}).get("redelivered") and known.keys().isdisjoint(_SEEN_BEFORE)
        inside = bool(handlers) and all(handler.transaction for handler in handlers)
        return Delivery(message, event, handlers, alone=not (fresh and inside))

    def handle(self, message: Any, failed: Failures) -> bool:
        """Handles one message; see `settle`."""
        return self.settle([self.open(message)], failed)

    def settle(self, deliveries: Sequence[Delivery], failed: Failures) -> bool:
        """Handles one delivery, or several of one tenant; True when all are to be acked.

        One is to be acked when its effect is committed, or it waits elsewhere. When several are not to be acked,
        nothing has happened: hand them in again one by one.

        Raises:
            NotSent, BusError: it failed and could not be put aside: leave it to the broker.
        """
        return self._together(deliveries) if len(deliveries) > 1 else self._alone(deliveries[0], failed)

    def _alone(self, delivery: Delivery, failed: Failures) -> bool:
        message, event, handlers = delivery.message, delivery.event, delivery.handlers
        if isinstance(event, Undecodable):
            _log.error("parked a message that is no event: %s", event)
            failed.park(message, event)
            return True
        if not handlers:
            return True
        with self._span(delivery, event) as span:
            try:
                return self._until_database_answers(event, handlers)
            except errors.Aborted as error:
                if error.reason != "CONFLICT" or not failed.postpone(message):
                    _put_aside(message, event, failed, error)
                    span.fail(error.reason)
                return True
            except Exception as error:  # noqa: BLE001 - whatever a handler raises must not stop the others
                span.fail(type(error).__name__, str(error))
                _put_aside(message, event, failed, error)
                return True

    def _together(self, deliveries: Sequence[Delivery]) -> bool:
        """Handles several in one transaction. What they share, its commit above all, is seen in the first one's trace.

        Those that are handled alone afterwards go on with the spans that they have got here.
        """
        opened = [(one, one.event, self._span(one, one.event)) for one in deliveries if isinstance(one.event, Event)]

        def work(tx: Transaction) -> None:
            inbox.claim_all(tx, [event for _, event, _ in opened])
            for delivery, event, span in opened:
                with span.current():
                    own = tx.of(self._author(event))
                    for handler in delivery.handlers:
                        handler.function(event, own)

        _, first, first_span = opened[0]
        try:
            with first_span.current():
                self._store.transact(self._author(first), work, attempts=_BATCH_ATTEMPTS)
        except Exception as error:  # noqa: BLE001 - alone, the one to blame will raise it again
            _log.info("%d events are handled one by one: %s", len(opened), type(error).__name__)
            return False
        for _, _, span in opened:
            span.set("kith.batch.size", len(opened))
            span.end()
        return True

    def _span(self, delivery: Delivery, event: Event) -> ProcessSpan:
        if delivery.span is None:
            delivery.span = ProcessSpan(self._queue, event.type, event.traceparent, event.id, event.attempt)
        return delivery.span

    def _author(self, event: Event) -> Author:
        """Who makes what the event's handlers change; call it within the event's span."""
        return Author(event.tenant, self._actor, current_traceparent())

    def _until_database_answers(self, event: Event, handlers: tuple[Registered, ...]) -> bool:
        """Handles the event. While the database is away nothing could succeed, and it is no fault of the event's."""
        seconds = _FIRST_PAUSE_SECONDS
        while True:
            try:
                self._handle(event, handlers)
                return True
            except errors.Unavailable as error:
                if error.reason != "DATABASE_UNAVAILABLE":
                    raise
                _log.warning("the database is away: %s waits", event.id)
                if not self._pause(seconds):
                    return False
                seconds = min(seconds * 2, _LONGEST_PAUSE_SECONDS)

    def _handle(self, event: Event, handlers: tuple[Registered, ...]) -> None:
        inside = [handler.function for handler in handlers if handler.transaction]
        if inside:

            def work(tx: Transaction) -> None:
                inbox.claim(tx, event)
                for function in inside:
                    function(event, tx)

            try:
                self._store.transact(self._author(event), work)
            except inbox.AlreadyHandled:
                _log.debug("%s was handled before", event.id)
        for handler in handlers:
            if not handler.transaction:
                handler.function(event, self._store)


def _event(message: Any) -> Event:
    headers = failures.headers(message)
    return events.decode(
        message.body,
        replay=headers.get(failures.REPLAY) is True,
        attempt=failures.attempt(message),
        traceparent=str(headers.get("traceparent", "")),
    )


def _put_aside(message: Any, event: Event, failed: Failures, error: Exception) -> None:
    waits = failed.retry_or_park(message, event.attempt, error)
    _log.error(
        "%s %s failed at attempt %d and %s",
        event.type,
        event.id,
        event.attempt,
        "waits for the next" if waits else "is parked",
        exc_info=error,
    )


_SEEN_BEFORE = (failures.REPLAY, failures.ATTEMPT, failures.CONFLICTS)
