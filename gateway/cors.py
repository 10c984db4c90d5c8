"""Cross-origin requests from browsers (Fetch standard): off unless origins are configured."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from gateway.requests import Request, Send

_ALLOWED_HEADERS = (
    b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Request-Timeout, traceparent"
)
_EXPOSED_HEADERS = (
    b"ETag, Location, Trace-Id, traceparent, Retry-After, Idempotent-Replayed, "
    b"RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
)


class Cors:
    """Adds the headers by which a browser lets pages of known origins read an answer. Cookies are never allowed."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self.origins = frozenset(origins)

    def wrapped(self, request: Request, send: Send) -> Send:
        """A `send` that adds the headers for this request's origin."""
        origin = request.header(b"origin")
        if origin not in self.origins:
            return send
        added = [
            (b"access-control-allow-origin", origin.encode()),
            (b"access-control-expose-headers", _EXPOSED_HEADERS),
            (b"vary", b"Origin"),
        ]
        if request.method == "OPTIONS" and request.header(b"access-control-request-method"):
            added += [
                (b"access-control-allow-methods", b"GET, POST, PATCH, DELETE"),
                (b"access-control-allow-headers", _ALLOWED_HEADERS),
                (b"access-control-max-age", b"600"),
            ]

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *added]
            await send(message)

        return send_with_headers
