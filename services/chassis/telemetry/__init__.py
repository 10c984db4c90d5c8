"""Traces and metrics of a Kith process: the one page the rest of the code needs to know.

    running = telemetry.start("contact", "api", settings)
    with telemetry.rpc_server_span("kith.contact.v1.ContactService/GetContact", traceparent) as span:
        ...
    running.shutdown()

Spans work in threads, under eventlet and in asyncio. Without `start` they still carry ids, and nothing is
recorded. What is spanned and measured, and what it costs: `docs/telemetry.md`.
"""

from __future__ import annotations

import atexit
import os
import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

from services.chassis.telemetry import metrics, runtime, spans, wire
from services.chassis.telemetry.conventions import (
    CONSUMED,
    INSTRUMENTS,
    PARKED,
    RELAY_LAG,
    SENT,
    SERVER_FAULTS,
    HttpServerSpan,
    ProcessSpan,
    RpcClientSpan,
    RpcServerSpan,
    db_span,
    publish_span,
)
from services.chassis.telemetry.spans import (
    Span,
    current_span,
    current_trace_id,
    current_traceparent,
    error_code,
)
from services.chassis.telemetry.wire import Value

__all__ = [
    "CONSUMED",
    "PARKED",
    "RELAY_LAG",
    "SENT",
    "SERVER_FAULTS",
    "HttpServerSpan",
    "ProcessSpan",
    "RpcClientSpan",
    "RpcServerSpan",
    "Settings",
    "Span",
    "Telemetry",
    "client_span",
    "consumer_span",
    "current_span",
    "current_trace_id",
    "current_traceparent",
    "db_span",
    "error_code",
    "inject",
    "producer_span",
    "publish_span",
    "record_error",
    "server_span",
    "start",
]


class Settings(Protocol):
    """What telemetry needs to know."""

    @property
    def otlp_endpoint(self) -> str:
        """Base URL of an OTLP/HTTP collector; empty exports nothing."""

    @property
    def traces_ratio(self) -> float:
        """Share of new traces that is recorded, 0 to 1."""


class Telemetry:
    """The running exporter of this process."""

    def __init__(self, exporter: _Stoppable | None) -> None:
        self._exporter = exporter

    def shutdown(self, timeout_seconds: float = 2.0) -> None:
        """Exports what is left and stops recording. Takes at most the timeout, also with a dead collector."""
        spans.install(spans.Recorder(0.0, None))
        if self._exporter is not None:
            exporter, self._exporter = self._exporter, None
            exporter.shutdown(timeout_seconds)
        atexit.unregister(self.shutdown)


def start(service: str, process: str, settings: Settings) -> Telemetry:
    """Begins to record and export as `kith-<service>-<process>`. Call it once, after any monkey patching.

    Raises ValueError for an endpoint that is not an http(s) URL.
    """
    if not settings.otlp_endpoint:
        spans.install(spans.Recorder(settings.traces_ratio, None))
        return Telemetry(None)
    # Imported here because it brings http.client and ssl, which a process that exports nothing can spare.
    from services.chassis.telemetry.export import QUEUE_SPANS, Exporter

    queue: deque[bytes] = deque(maxlen=QUEUE_SPANS)
    instruments = INSTRUMENTS + runtime.instruments()
    began = time.time_ns()
    exporter = Exporter(
        settings.otlp_endpoint,
        _resource(service, process),
        queue,
        lambda: metrics.encode(instruments, began),
    )
    exporter.start()
    spans.install(spans.Recorder(settings.traces_ratio, queue))
    running = Telemetry(exporter)
    atexit.register(running.shutdown)
    return running


def server_span(name: str, traceparent: str = "", attributes: Mapping[str, Value] | None = None) -> Span:
    """A request that came in from elsewhere; `RpcServerSpan` and `HttpServerSpan` know their conventions."""
    return Span(name, spans.SERVER, traceparent, attributes)


def client_span(name: str, attributes: Mapping[str, Value] | None = None) -> Span:
    """A call to another program, such as an SMTP server."""
    return Span(name, spans.CLIENT, "", attributes)


def producer_span(
    name: str,
    traceparent: str = "",
    attributes: Mapping[str, Value] | None = None,
    links: Sequence[str] = (),
) -> Span:
    """Sending something that is handled later; `publish_span` knows RabbitMQ's conventions."""
    return Span(name, spans.PRODUCER, traceparent, attributes, links)


def consumer_span(
    name: str,
    traceparent: str = "",
    attributes: Mapping[str, Value] | None = None,
    links: Sequence[str] = (),
) -> Span:
    """Handling something that was sent earlier; `ProcessSpan` knows RabbitMQ's conventions."""
    return Span(name, spans.CONSUMER, traceparent, attributes, links)


def inject() -> str:
    """The `traceparent` to send along with a call or a message; empty outside of any span."""
    return current_traceparent()


def record_error(span: Span, code: str, description: str = "") -> None:
    """Tells a span how it failed, as `span.fail` does."""
    span.fail(code, description)


class _Stoppable(Protocol):
    def shutdown(self, timeout_seconds: float) -> None: ...


def _resource(service: str, process: str) -> bytes:
    return wire.attributes(
        1,
        {
            "service.name": f"kith-{service}" if process in ("", service) else f"kith-{service}-{process}",
            "service.namespace": "kith",
            "service.version": runtime.version(),
            "service.instance.id": str(uuid.uuid4()),
            "process.pid": os.getpid(),
            "telemetry.sdk.language": "python",
            "telemetry.sdk.name": "kith",
        },
    )
