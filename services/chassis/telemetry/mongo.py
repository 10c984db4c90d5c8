"""Spans for MongoDB commands, from the driver's own command events.

    MongoClient(uri, event_listeners=[MongoSpans()])

Only commands inside a recorded span are spanned: what a relay's change stream or a driver's monitor does on
its own would be noise. Spans hold the command's name, collection and database, never a filter or a value.
"""

from __future__ import annotations

from typing import Final

from opentelemetry import trace
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from services.chassis.telemetry.conventions import db_span
from services.chassis.telemetry.spans import Span

# What drivers say among themselves, and what tells nothing about the request.
_CHATTER: Final = frozenset(
    (
        "hello",
        "isMaster",
        "ismaster",
        "ping",
        "endSessions",
        "killCursors",
        "saslStart",
        "saslContinue",
        "buildInfo",
    )
)
_MOST_OPEN: Final = 1000


class MongoSpans(CommandListener):
    """Makes one CLIENT span per command; give it to any number of clients."""

    def __init__(self) -> None:
        self._open: dict[int, Span] = {}

    def started(self, event: CommandStartedEvent) -> None:
        """Opens a span if there is a recorded one around it."""
        name = event.command_name
        if name in _CHATTER or not trace.get_current_span().is_recording():
            return
        # A killed green thread never tells how its command ended; its span must not stay for ever.
        if len(self._open) >= _MOST_OPEN:
            self._open.clear()
        command = event.command
        collection = command.get("collection" if name == "getMore" else name)
        self._open[event.request_id] = db_span(
            name, collection if isinstance(collection, str) else "", event.database_name
        )

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Closes the command's span."""
        span = self._open.pop(event.request_id, None)
        if span is not None:
            span.end()

    def failed(self, event: CommandFailedEvent) -> None:
        """Closes the command's span with the server's error code, such as 112 WriteConflict."""
        span = self._open.pop(event.request_id, None)
        if span is not None:
            code = event.failure.get("code")
            if code is not None:
                span.set("db.response.status_code", str(code))
            span.fail(str(event.failure.get("codeName") or event.failure.get("errtype") or "NetworkError"))
            span.end()
