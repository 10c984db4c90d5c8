"""How a gateway takes its leave without cutting anybody off (decision 0009).

SIGTERM    unready; from now on every answer says `Connection: close`, so clients move on by themselves
+ 2 s      event streams end; their clients come back with Last-Event-ID, to another gateway
+ drain    nobody is sent here any more: stops listening, closes idle connections, lets requests end
"""

from __future__ import annotations

import asyncio
import signal
import socket
from types import FrameType

import uvicorn

from gateway.hub import EventHub

STREAM_SECONDS = 2.0
"""Balancers need a moment to see that we are unready; clients that came back at once would come back here."""


class Drain:
    """Whether this process is about to end; it has `seconds` to serve on before it does."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.begun = False


class DrainingServer(uvicorn.Server):
    """Serves until it is told to stop, and then for as long as it takes until everybody knows."""

    def __init__(self, config: uvicorn.Config, drain: Drain, hub: EventHub) -> None:
        super().__init__(config)
        self._drain = drain
        self._hub = hub

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins the drain; a second Ctrl-C ends it."""
        self._drain.begun = True
        self.force_exit |= self.should_exit and sig == signal.SIGINT
        # Not by uvicorn's own way, which lets the signal kill the process in the end, with the last spans unsent.
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Serves on, then stops listening and lets requests end."""
        if self._drain.seconds:
            await self._serve_on()
        # Open streams would hold up the end.
        await self._hub.close()
        await super().shutdown(sockets)

    async def _serve_on(self) -> None:
        for connection in self.server_state.connections:
            connection.drain()  # type: ignore[union-attr]  # all are of our own protocol
        until_streams_end = min(STREAM_SECONDS, self._drain.seconds / 2)
        await self._pause(until_streams_end)
        self._hub.end_streams()
        await self._pause(self._drain.seconds - until_streams_end)

    async def _pause(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not self.force_exit and loop.time() < end:
            await asyncio.sleep(min(0.1, seconds))
