"""A connection for what failed: opened when something does, apart from the one that consumes.

A broker in need of memory stops reading from connections that publish. Were acks on the same connection, the queues
could not be emptied just then.
"""

from __future__ import annotations

import threading

from services.chassis.bus.link import Link
from services.chassis.bus.publisher import Publisher


class Sideline:
    """One publisher for all that fails; it stays open once it was needed."""

    def __init__(self, uri: str, name: str) -> None:
        self._uri = uri
        self._name = name
        self._lock = threading.Lock()
        self._link: Link | None = None
        self._publisher: Publisher | None = None

    def publisher(self) -> Publisher:
        """The publisher, connected.

        Raises:
            BusError: the broker is away.
        """
        with self._lock:
            if self._publisher is None or self._link is None or not self._link.alive:
                self._link = Link(self._uri, self._name)
                self._publisher = Publisher(self._link)
                self._link.start()
            return self._publisher

    def close(self) -> None:
        """Closes what was opened."""
        if self._link is not None:
            self._link.close()
