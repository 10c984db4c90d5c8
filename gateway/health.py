"""Whether this process lives, and whether it can do its work: for probes, so they need no token and cost little."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from gateway.channels import Channels
from gateway.drain import Drain
from gateway.requests import Request, Send
from gateway.responses import JSON, api_headers, send_all
from services.chassis.telemetry import HttpServerSpan


class Health:
    """Answers `/healthz` and `/readyz`."""

    def __init__(self, channels: Channels, keys_known: Callable[[], bool], drain: Drain) -> None:
        self._channels = channels
        self._keys_known = keys_known
        self._drain = drain

    async def alive(self, request: Request, send: Send, span: HttpServerSpan) -> None:
        """200 as long as the event loop turns."""
        span.status = 200
        await send_all(send, 200, [JSON, *api_headers(span)], b'{"status":"alive"}')

    async def ready(self, request: Request, send: Send, span: HttpServerSpan) -> None:
        """200 when identity's keys are known and at least one service can be reached, else 503; the body tells which.

        One service that is away must not take the others from their users, so it alone does not make us unready. A
        process that was told to stop is unready at once, however well it can still do its work.
        """
        services = self._channels.ready()
        keys = self._keys_known()
        ready = keys and any(services.values()) and not self._drain.begun
        span.status = 200 if ready else 503
        state = {
            "status": "ready" if ready else "draining" if self._drain.begun else "not ready",
            "signingKeys": keys,
            "services": {name: "reachable" if up else "away" for name, up in services.items()},
        }
        await send_all(send, span.status, [JSON, *api_headers(span)], orjson.dumps(state))
