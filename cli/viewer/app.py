"""The viewer's HTTP interface: OTLP in, JSON and pages out."""

from __future__ import annotations

import math
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cli.viewer.measures import Measures
from cli.viewer.traces import Filter, Traces, summary, waterfall

_MOST_BODY: Final = 16 * 1024 * 1024  # bytes, after decompression
_MOST_LISTED: Final = 500
_STATIC: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def build() -> Starlette:
    """The application with its own, empty memory."""
    traces, measures = Traces(), Measures()
    files = {path.name: path.read_bytes() for path in _STATIC.iterdir() if path.suffix in _TYPES}
    return Starlette(
        routes=[
            Route(
                "/v1/traces",
                _receives(lambda body: traces.add(ExportTraceServiceRequest.FromString(body))),
                methods=["POST"],
            ),
            Route(
                "/v1/metrics",
                _receives(lambda body: measures.add(ExportMetricsServiceRequest.FromString(body))),
                methods=["POST"],
            ),
            Route("/api/traces", _lists(traces)),
            Route("/api/traces/{trace_id}", _shows(traces)),
            Route("/api/metrics", _measures(measures)),
            Route("/healthz", _healthy),
            Route("/", _serves(files, "traces.html")),
            Route("/traces/{trace_id}", _serves(files, "trace.html")),
            Route("/metrics-view", _serves(files, "metrics.html")),
            Route("/static/{name}", _serves(files)),
        ]
    )


Handler = Callable[[Request], Awaitable[Response]]


def _receives(add: Callable[[bytes], None]) -> Handler:
    async def receive(request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("application/x-protobuf"):
            raise HTTPException(415, "send application/x-protobuf")
        try:
            add(await _body(request))
        except DecodeError as error:
            raise HTTPException(400, "this is not an OTLP export request") from error
        return Response(b"", media_type="application/x-protobuf")

    return receive


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _MOST_BODY:
            raise HTTPException(413, "at most 16 MiB")
        parts.append(part)
    body = b"".join(parts)
    encoding = request.headers.get("content-encoding", "identity")
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise HTTPException(415, "send it plain or as gzip")
    return _unzipped(body)


def _unzipped(body: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    try:
        plain = inflater.decompress(body, _MOST_BODY)
    except zlib.error as error:
        raise HTTPException(400, "this is not gzip") from error
    if inflater.unconsumed_tail:
        raise HTTPException(413, "at most 16 MiB")
    return plain


def _lists(traces: Traces) -> Handler:
    async def get(request: Request) -> Response:
        asked = request.query_params
        wanted = Filter(
            text=asked.get("q", "").strip(),
            service=asked.get("service", ""),
            min_milliseconds=_number(asked.get("min_ms"), 0.0),
            errors=asked.get("errors") in ("1", "true"),
            limit=int(min(max(_number(asked.get("limit"), 100), 1), _MOST_LISTED)),
        )
        found = [summary(trace) for trace in traces.newest(wanted)]
        return JSONResponse({"traces": found, "services": traces.services(), "held": len(traces)})

    return get


def _shows(traces: Traces) -> Handler:
    async def get(request: Request) -> Response:
        trace = traces.get(request.path_params["trace_id"])
        if trace is None:
            return JSONResponse({"detail": "No such trace: it is too old, or was never seen here."}, 404)
        return JSONResponse(waterfall(trace))

    return get


def _measures(measures: Measures) -> Handler:
    async def get(request: Request) -> Response:
        return JSONResponse({"metrics": measures.rows()})

    return get


async def _healthy(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


def _serves(files: dict[str, bytes], page: str = "") -> Handler:
    async def get(request: Request) -> Response:
        name = page or request.path_params["name"]
        if name not in files:
            raise HTTPException(404)
        return Response(files[name], headers=_HEADERS, media_type=_TYPES[Path(name).suffix])

    return get


def _number(text: str | None, default: float) -> float:
    try:
        number = float(text) if text else default
    except ValueError:
        raise HTTPException(400, f"{text!r} is not a number") from None
    return number if math.isfinite(number) else default
