"""Which function of a service handles which events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.chassis.bus.events import Event
from services.chassis.bus.topology import matches

Handler = Callable[[Event, Any], None]


@dataclass(frozen=True, slots=True)
class Registered:
    """A handler with the patterns it was registered for."""

    patterns: tuple[str, ...]
    function: Handler
    transaction: bool


class Handlers:
    """The handlers of one service, in the order in which they were registered."""

    def __init__(self) -> None:
        self._registered: list[Registered] = []
        self._by_key: dict[str, tuple[Registered, ...]] = {}

    def handles(self, *patterns: str, transaction: bool = True) -> Callable[[Handler], Handler]:
        """Registers a function for events by patterns of `<kind>.<verb>`: `lead.created`, `user.*`, `#`.

        With a transaction, the function gets (event, tx) and what it does happens exactly once: all handlers of an
        event and the inbox entry commit together. Without one it gets (event, store), is called again when an event
        comes twice, and must be idempotent by its own state: for effects outside of the database, such as mail.
        """

        def register(function: Handler) -> Handler:
            self._registered.append(Registered(patterns, function, transaction))
            self._by_key.clear()
            return function

        return register

    def of(self, key: str) -> tuple[Registered, ...]:
        """The handlers that want a routing key; most events have none."""
        found = self._by_key.get(key)
        if found is None:
            found = tuple(
                handler for handler in self._registered if any(matches(pattern, key) for pattern in handler.patterns)
            )
            self._by_key[key] = found
        return found

    def unheard(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """Patterns of handlers that none of the queue's bindings (`keys`) can ever deliver."""
        wanted = (pattern for handler in self._registered for pattern in handler.patterns)
        return tuple(pattern for pattern in wanted if not any(_overlap(key, pattern) for key in keys))


def _overlap(first: str, second: str) -> bool:
    return matches(first, second) or matches(second, first)
