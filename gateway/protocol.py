"""uvicorn's HTTP protocol with the limits it lacks: on the size of a request's head, and on the time it may take."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import termios
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.drain import Drain
from gateway.errors import CONTENT_TYPE, Problem

MOST_HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 15.0
MOST_UNREAD_BYTES = 64 * 1024 * 1024
UNREAD_SECONDS = 30.0
"""So much of a body that nobody wants any more is thrown away: closing at once would take the answer from a client that
is still sending."""

_NOT_HTTP = ("Bad Request", 400, "NOT_HTTP", "This is no HTTP request: its first line or a header is malformed.")
_HEAD_TOO_LARGE = (
    "Request Header Fields Too Large",
    431,
    "HEAD_TOO_LARGE",
    "The request line and headers are larger than 64 KiB.",
)
_log = logging.getLogger(__name__)


class LimitedProtocol(HttpToolsProtocol):
    """Closes connections whose request head grows beyond 64 KiB or does not end within 15 seconds.

    What a client still sends of a body after its answer is thrown away, up to 64 MiB and for 30 seconds. Once the drain
    has begun, every answer is the last one on its connection, and says so.
    """

    def __init__(self, drain: Drain, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._drain = drain
        self._head_bytes = 0
        self._in_head = True
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_bytes = 0
        self._unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Starts the clock of the first request."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._close_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clocks."""
        self._stop_timer()
        self._stop_unread_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts bytes until the head is complete."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(*_HEAD_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        """Refuses what the parser cannot read."""
        self._refuse(*_NOT_HTTP)

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self.scope["kith.abort"] = self.transport.abort  # type: ignore[typeddict-unknown-key]  # an extension of ours
        if not self._in_head:
            self._in_head = True
            self._head_bytes = 0
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._close_slow)

    def on_headers_complete(self) -> None:
        """A head is complete."""
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()
        if self._drain.begun:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Counts what comes after the answer."""
        super().on_body(body)
        if self.cycle.response_complete:
            self._unread_bytes += len(body)
            if self._unread_bytes > MOST_UNREAD_BYTES:
                self._close_slow()

    def on_response_complete(self) -> None:
        """An answer is out; whether its request is complete too, the next one shows."""
        super().on_response_complete()
        if self.cycle.more_body and self._unread_timer is None:
            self._unread_timer = self.loop.call_later(UNREAD_SECONDS, self._close_slow)

    def on_message_complete(self) -> None:
        """A request is complete."""
        self._unread_bytes = 0
        self._stop_unread_timer()
        super().on_message_complete()

    def drain(self) -> None:
        """Makes the answer under way the last one, unless its head is out already, which promised another."""
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Closes the connection when it is idle, else after its answer; a request that is just arriving gets one."""
        if not self.transport.is_closing() and not self._is_arriving():
            super().shutdown()

    def _is_arriving(self) -> bool:
        if self._in_head and (self._head_bytes or self.cycle is not None):
            return True
        # What the kernel holds for us already would be lost, and its sender would see a broken connection.
        unread = fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.FIONREAD, bytes(4))
        return any(unread)

    def _refuse(self, title: str, status: int, reason: str, detail: str) -> None:
        """Answers without a request: there is no span, so the trace id is one that only the log knows."""
        trace_id = os.urandom(16).hex()
        _log.warning(detail, extra={"trace_id": trace_id})
        body = Problem(status, reason, detail).body(trace_id)
        head = f"HTTP/1.1 {status} {title}\r\ncontent-type: {CONTENT_TYPE.decode()}\r\nconnection: close\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        self.transport.close()

    def _stop_unread_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _close_slow(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.close()
