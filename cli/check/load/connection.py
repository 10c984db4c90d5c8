"""HTTP/1.1 connections that are kept, as lean as asyncio allows: a load generator must not be what is slow."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import httptools


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, the body, the request's trace, and whether the connection may be used again."""

    status: int
    body: bytes
    trace_id: str
    keeps: bool


class Connection(asyncio.Protocol):
    """One connection with one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: Any = None
        self._awaited: asyncio.Future[Answer] | None = None
        self._body: list[bytes] = []
        self._trace_id = ""

    @property
    def usable(self) -> bool:
        """Whether the server has not closed it, as far as is known."""
        return self._transport is not None and not self._transport.is_closing()

    async def exchange(self, request: bytes) -> Answer:
        """The answer to a request.

        Raises:
            ConnectionError: the server went away before its answer was complete.
            httptools.HttpParserError: what came is no HTTP.
        """
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the connection is closed")
        self._awaited = asyncio.get_running_loop().create_future()
        self._parser, self._body, self._trace_id = httptools.HttpResponseParser(self), [], ""
        self._transport.write(request)
        return await self._awaited

    def abort(self) -> None:
        """Closes it at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by class

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionResetError("closed before the answer was complete"))

    def data_received(self, data: bytes) -> None:
        try:
            if self._parser is not None:
                self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(error)
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"trace-id":
            self._trace_id = value.decode("ascii", "replace")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        status, keeps = self._parser.get_status_code(), self._parser.should_keep_alive()
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(Answer(status, b"".join(self._body), self._trace_id, keeps))

    def _fail(self, error: Exception) -> None:
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(error)


class Pool:
    """So many connections to one server, used in turn; one that was lost is opened anew when its turn comes."""

    def __init__(self, url: str, connections: int) -> None:
        parts = urlsplit(url)
        self._host, self._tls = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 80)
        self._trusted = ssl.create_default_context() if self._tls else None
        self._idle: asyncio.Queue[Connection | None] = asyncio.Queue()
        for _ in range(connections):
            self._idle.put_nowait(None)
        self.opened = 0

    async def exchange(self, request: bytes) -> Answer:
        """The answer to a request, once a connection is free; raises what `Connection.exchange` does, and OSError."""
        connection = await self._idle.get()
        kept: Connection | None = None
        try:
            if connection is None or not connection.usable:
                connection = await self._open()
            answer = await connection.exchange(request)
            kept = connection if answer.keeps else None
            return answer
        finally:
            if kept is None and connection is not None:
                connection.abort()
            self._idle.put_nowait(kept)

    def close(self) -> None:
        """Closes the connections that are idle."""
        while not self._idle.empty():
            connection = self._idle.get_nowait()
            if connection is not None:
                connection.abort()

    async def _open(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, self._host, self._port, ssl=self._trusted)
        self.opened += 1
        return connection
