"""`python -m gateway`: read settings, assemble, serve until told to stop."""

from __future__ import annotations

import os
import sys
from functools import partial

import uvicorn
import uvloop

from gateway import settings, wiring
from gateway.drain import DrainingServer
from gateway.protocol import LimitedProtocol
from gateway.routes import RouteError
from services.chassis import logs, memory, telemetry
from services.chassis.permissions import MissingPermission
from services.chassis.settings import SettingError

GRACE_SECONDS = 15
"""After the drain: longer than a request takes that names no deadline of its own."""


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


async def _serve(given: settings.GatewaySettings) -> None:
    host, _, port = given.platform.listen.rpartition(":")
    running = wiring.assemble(given)
    memory.settle()
    config = uvicorn.Config(
        running.app,
        host=host.strip("[]") or "0.0.0.0",
        port=int(port),
        http=partial(LimitedProtocol, running.drain),  # type: ignore[arg-type]  # called like a class
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
        await DrainingServer(config, running.drain, running.hub).serve()
    finally:
        await running.close()


if __name__ == "__main__":
    main()
