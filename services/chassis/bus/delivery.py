"""One delivery, from the bytes to the ack: decode, handle in one transaction with the inbox, or put aside."""

from __future__ import annotations

import logging
from collections.abc import Callable
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

    def handle(self, message: Any, failed: Failures) -> bool:
        """Handles one message; True when it is to be acked: its effect is committed, or it waits elsewhere.

        Raises:
            NotSent, BusError: it failed and could not be put aside: leave it to the broker.
        """
        try:
            event = _event(message)
        except Undecodable as error:
            _log.error("parked a message that is no event: %s", error)
            failed.park(message, error)
            return True
        handlers = self._handlers.of(event.key)
        if not handlers:
            return True
        with ProcessSpan(self._queue, event.type, event.traceparent, event.id, event.attempt) as span:
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
            author = Author(event.tenant, self._actor, current_traceparent())

            def work(tx: Transaction) -> None:
                inbox.claim(tx, event)
                for function in inside:
                    function(event, tx)

            try:
                self._store.transact(author, work)
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
