"""What happens to an event that could not be handled: it waits and comes back, and at last it is parked."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.chassis import logs
from services.chassis.bus import topology
from services.chassis.bus.publisher import Publisher
from services.chassis.telemetry import PARKED, error_code
from services.chassis.telemetry.privacy import mask

ATTEMPT = "kith-attempt"
REASON = "kith-reason"
TRACEBACK = "kith-traceback"
FIRST_FAILURE = "kith-first-failure"
LAST_FAILURE = "kith-last-failure"
CONFLICTS = "kith-conflicts"
REPLAY = "replay"
MOST_CONFLICTS = 100
_TRACEBACK_CHARACTERS = 4_000


class Failures:
    """Sends failed messages of one service to its retry queues, or to its parking queue.

    `delays` are seconds: so long an event waits after its first, second … failure. What publishes is asked for when
    there is something to publish.
    """

    def __init__(self, service: str, delays: Sequence[float], publisher: Callable[[], Publisher]) -> None:
        self._service = service
        self._delays = tuple(delays)
        self._publisher = publisher

    def retry_or_park(self, message: Any, attempt: int, error: BaseException) -> bool:
        """Puts a message aside after its failed attempt number `attempt`; False when it was the last and it is parked.

        Returns after the broker has confirmed, so the original may be acked.

        Raises:
            NotSent, BusError: it is nowhere else; the original must not be acked.
        """
        if attempt > len(self._delays):
            self.park(message, error)
            return False
        self._delay(message, self._headers(message, error) | {ATTEMPT: attempt + 1}, attempt)
        return True

    def postpone(self, message: Any) -> bool:
        """Puts a message aside for the shortest delay, which does not count as a failure; False after a hundred times.

        For events whose records another transaction holds. That may be one of a worker that was killed: MongoDB
        keeps it open for up to a minute.

        Raises:
            NotSent, BusError: it is nowhere else; the original must not be acked.
        """
        known = headers(message)
        times = known.get(CONFLICTS, 0)
        if not self._delays or not isinstance(times, int) or times >= MOST_CONFLICTS:
            return False
        self._delay(message, {**known, CONFLICTS: times + 1}, 1)
        return True

    def park(self, message: Any, error: BaseException) -> None:
        """Puts a message into the parking queue, with the reason.

        Raises:
            NotSent, BusError: it is nowhere else; the original must not be acked.
        """
        self._send(message, self._headers(message, error), topology.parking_queue(self._service))
        PARKED.add(1, (topology.queue(self._service), error_code(error)))

    def _delay(self, message: Any, headers: Mapping[str, Any], number: int) -> None:
        milliseconds = str(int(self._delays[number - 1] * 1000))
        self._send(message, headers, topology.retry_queue(self._service, number), expiration=milliseconds)

    def _send(self, message: Any, headers: Mapping[str, Any], key: str, **properties: Any) -> None:
        kept = {name: value for name, value in message.properties.items() if name in _KEPT}
        publisher = self._publisher()
        content = {**kept, "application_headers": dict(headers), **properties}
        publisher.await_confirmed(publisher.send(_bytes(message.body), content, key=key))

    def _headers(self, message: Any, error: BaseException) -> dict[str, Any]:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        earlier = {name: value for name, value in headers(message).items() if not name.startswith("x-")}
        return {
            FIRST_FAILURE: now,
            **earlier,
            LAST_FAILURE: now,
            REASON: f"{type(error).__name__}: {mask(str(error))}",
            TRACEBACK: logs.describe(error)[:_TRACEBACK_CHARACTERS],
        }


def headers(message: Any) -> dict[str, Any]:
    """The headers of an AMQP message."""
    return message.properties.get("application_headers") or {}


def attempt(message: Any) -> int:
    """Which attempt this delivery is, counted from 1."""
    number = headers(message).get(ATTEMPT, 1)
    return number if isinstance(number, int) and number > 0 else 1


def _bytes(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)


_KEPT = frozenset({"content_type", "content_encoding", "message_id", "timestamp", "type", "app_id"})
