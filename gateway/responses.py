"""How the gateway answers: one place that adds the headers every response carries."""

from __future__ import annotations

from gateway.requests import Send
from services.chassis.telemetry import Span

Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
_API_HEADERS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
]
PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def traced(span: Span) -> Headers:
    """The headers that tell a client where its request can be seen."""
    return [(b"trace-id", span.trace_id.encode()), (b"traceparent", span.traceparent.encode())]


def api_headers(span: Span) -> Headers:
    """What every answer of the API carries: safety for browsers, and the trace."""
    return [*_API_HEADERS, *traced(span)]


def page_headers(kind: bytes, span: Span) -> Headers:
    """What a page or a file of a page carries: it loads nothing from elsewhere."""
    return [
        (b"content-type", kind),
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", PAGE_POLICY),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-cache"),
        *traced(span),
    ]


async def send_all(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Sends a whole response."""
    if status != 304 and status != 204:
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
