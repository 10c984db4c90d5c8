"""`python -m gateway`: read settings, assemble, serve until told to stop."""

from __future__ import annotations

import os
import socket
import sys

import uvicorn
import uvloop

from gateway import settings, wiring
from gateway.protocol import LimitedProtocol
from gateway.routes import RouteError
from services.chassis import logs, memory, telemetry
from services.chassis.permissions import MissingPermission
from services.chassis.settings import SettingError

GRACE_SECONDS = 10


def main() -> None:
    """Runs the gateway; a wrong setting or proto ends it with one clear line and status 2."""
    try:
        given = settings.from_environment(os.environ)
        logs.start(given.platform.log_level, "gateway", "gateway")
        running = telemetry.start("gateway", "", given.platform)
        uvloop.run(_serve(given))
        running.shutdown()
    except (SettingError, RouteError, MissingPermission) as error:
        print(f"gateway: {error}", file=sys.stderr)
        sys.exit(2)


class _Server(uvicorn.Server):
    """Ends event streams first when it is told to stop: they would otherwise hold up the end."""

    def __init__(self, config: uvicorn.Config, running: wiring.Running) -> None:
        super().__init__(config)
        self._running = running

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops listening and lets requests end."""
        await self._running.hub.close()
        await super().shutdown(sockets)


async def _serve(given: settings.GatewaySettings) -> None:
    host, _, port = given.platform.listen.rpartition(":")
    running = wiring.assemble(given)
    memory.settle()
    config = uvicorn.Config(
        running.app,
        host=host.strip("[]") or "0.0.0.0",
        port=int(port),
        http=LimitedProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_SECONDS,
        backlog=2048,
    )
    try:
        await _Server(config, running).serve()
    finally:
        await running.close()


if __name__ == "__main__":
    main()
