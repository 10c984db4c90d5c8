"""Pages that describe the API: the landing page, the reference, OpenAPI, AsyncAPI. They load nothing from elsewhere."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from functools import cached_property
from importlib.resources import files
from typing import Any

import orjson

from gateway.requests import Request, Send
from gateway.responses import page_headers, send_all
from services.chassis.telemetry import HttpServerSpan

_FILES = {
    "/": ("index.html", b"text/html; charset=utf-8"),
    "/docs": ("docs.html", b"text/html; charset=utf-8"),
    "/docs/docs.css": ("docs.css", b"text/css; charset=utf-8"),
    "/docs/docs.js": ("docs.js", b"text/javascript; charset=utf-8"),
    "/docs/icon.svg": ("icon.svg", b"image/svg+xml"),
}


class Document:
    """Something fixed that is sent as it is, compressed if the client likes."""

    def __init__(self, kind: bytes, read: Callable[[], bytes]) -> None:
        """`read` is called when the document is asked for the first time."""
        self._kind = kind
        self._read = read

    async def serve(self, request: Request, send: Send, span: HttpServerSpan) -> None:
        """Answers with the document, or 304 if the client has it already."""
        headers = [*page_headers(self._kind, span), (b"etag", self._tag), (b"vary", b"Accept-Encoding")]
        if request.header(b"if-none-match") == self._tag.decode():
            span.status = 304
            await send_all(send, 304, headers, b"")
            return
        span.status = 200
        if "gzip" in request.header(b"accept-encoding"):
            await send_all(send, 200, [*headers, (b"content-encoding", b"gzip")], self._compressed)
        else:
            await send_all(send, 200, headers, self._plain)

    @cached_property
    def _plain(self) -> bytes:
        return self._read()

    @cached_property
    def _compressed(self) -> bytes:
        return gzip.compress(self._plain, mtime=0)

    @cached_property
    def _tag(self) -> bytes:
        return f'"{hashlib.sha256(self._plain).hexdigest()[:32]}"'.encode()


def documents(describe: Callable[[], dict[str, Any]], catalogue: Callable[[], dict[str, Any]]) -> dict[str, Document]:
    """The documents by path; `describe` makes the OpenAPI document, `catalogue` the AsyncAPI one of all events."""
    static = files("gateway") / "static"
    found = {path: Document(kind, (static / name).read_bytes) for path, (name, kind) in _FILES.items()}
    found["/openapi.json"] = Document(b"application/json", lambda: orjson.dumps(describe()))
    found["/asyncapi.json"] = Document(b"application/json", lambda: orjson.dumps(catalogue()))
    return found
