"""A connection that is read all the time, so that confirms, returns, deliveries and its loss are seen at once."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import amqp
from amqp import spec

from services.chassis.bus.connection import HEARTBEAT_SECONDS, BusError, connect

_CLOSE_SECONDS = 2.0


class LinkLost(BusError):
    """The connection is gone; the text says why."""


class Link:
    """One connection with a reader and a heartbeat of its own; threads, or green ones in a patched process.

    Whatever waits for an answer (declaring, consuming, `confirm.select`) must be done before `start`: from then on
    only the reader reads. `refused` is true when the broker closed it because of what we asked, which trying again
    will not mend.
    """

    def __init__(self, uri: str, name: str) -> None:
        self.blocked = False
        self.refused = False
        self.connection = connect(uri, name, on_blocked=self._on_blocked, on_unblocked=self._on_unblocked)
        self.channel: Any = self.connection.channel()
        self._lost = threading.Event()
        self._closing = False
        self._reason = ""
        self._name = name

    def start(self) -> None:
        """Begins to read."""
        for target in (self._read, self._beat):
            threading.Thread(target=target, name=self._name, daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether it is still good."""
        return not self._lost.is_set()

    def check(self) -> None:
        """Raises LinkLost if the connection is gone."""
        if not self.alive:
            raise LinkLost(self._reason)

    def wait(self, seconds: float) -> None:
        """Sleeps so long, or until the connection is lost."""
        self._lost.wait(seconds)

    def abandon(self, reason: str) -> None:
        """Cuts the connection, so that the broker gives to others what was not acked here."""
        self._end(reason)

    def close(self) -> None:
        """Says good-bye; takes two seconds at most."""
        self._closing = True
        if self.alive:
            with contextlib.suppress(Exception):
                self.connection.send_method(spec.Connection.Close, "BsBB", (0, "", 0, 0))
            self._lost.wait(_CLOSE_SECONDS)
        self._end("closed")

    def _read(self) -> None:
        try:
            # Reading a closed connection would open it again, behind our backs: py-amqp's old way.
            while self.alive and self.connection.connected:
                self.connection.blocking_read()
            self._end("closed by the broker")
        except amqp.AMQPError as error:
            # Replies above 400 tell that the broker objects to what we asked; 320 is an operator's "go away".
            code = getattr(error, "reply_code", 0) or 0
            self.refused = code >= 400 and not isinstance(error, amqp.ConnectionForced)
            self._end(f"{type(error).__name__} {code or ''}".strip())
        except Exception as error:  # noqa: BLE001 - whatever a broken socket raises, the link is gone
            self._end(type(error).__name__)

    def _beat(self) -> None:
        while not self._lost.wait(HEARTBEAT_SECONDS / 4):
            try:
                self.connection.heartbeat_tick()
            except Exception as error:  # noqa: BLE001 - missed heartbeats and broken sockets alike
                self._end(f"heartbeat: {type(error).__name__}")

    def _end(self, reason: str) -> None:
        if not self.alive:
            return
        self._reason = "closed" if self._closing else reason
        self._lost.set()
        # Shutting the socket down wakes the reader; `collect` alone would leave it waiting in a green process.
        with contextlib.suppress(Exception):
            if self.connection.connected:
                self.connection.transport.sock.shutdown(2)
        with contextlib.suppress(Exception):
            self.connection.collect()

    def _on_blocked(self, _reason: str) -> None:
        self.blocked = True

    def _on_unblocked(self) -> None:
        self.blocked = False
