"""Traces and metrics of a Kith process: the one page the rest of the code needs to know.

    running = telemetry.start("contact", "api", settings)
    with telemetry.RpcServerSpan("kith.contact.v1.ContactService/GetContact", traceparent) as span:
        ...
    running.shutdown()

Spans are those of OpenTelemetry's SDK; the classes here know the semantic conventions. They work in threads,
under eventlet and in asyncio. Without `start` they still carry ids, and nothing is recorded. What is spanned
and measured, and what it costs: `docs/telemetry.md`.
"""

from __future__ import annotations

import atexit
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from opentelemetry.metrics import set_meter_provider
from opentelemetry.trace import set_tracer_provider

from services.chassis.telemetry import runtime, spans
from services.chassis.telemetry.conventions import (
    CONSUMED,
    INSTRUMENTS,
    PARKED,
    RELAY_LAG,
    SENT,
    HttpServerSpan,
    ProcessSpan,
    RpcClientSpan,
    RpcServerSpan,
    db_span,
    publish_span,
)
from services.chassis.telemetry.spans import (
    Span,
    client_span,
    current_headers,
    current_trace_id,
    current_traceparent,
    error_code,
    server_span,
)

if TYPE_CHECKING:
    from services.chassis.telemetry.pipeline import Pipeline

__all__ = [
    "CONSUMED",
    "PARKED",
    "RELAY_LAG",
    "SENT",
    "HttpServerSpan",
    "ProcessSpan",
    "RpcClientSpan",
    "RpcServerSpan",
    "Settings",
    "Span",
    "Telemetry",
    "client_span",
    "current_headers",
    "current_trace_id",
    "current_traceparent",
    "db_span",
    "error_code",
    "inject",
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

    @property
    def metrics_listen(self) -> str:
        """host:port at which Prometheus may read; empty listens nowhere."""


class Telemetry:
    """The running export of this process."""

    def __init__(self, pipeline: Pipeline | None) -> None:
        self._pipeline = pipeline

    def shutdown(self, timeout_seconds: float = 2.0) -> None:
        """Exports what is left and stops recording. Takes at most the timeout, also with a dead collector."""
        spans.install(None)
        if self._pipeline is not None:
            pipeline, self._pipeline = self._pipeline, None
            with suppress(RuntimeError):  # an interpreter that is ending may start no threads
                pipeline.shutdown(timeout_seconds)
        atexit.unregister(self.shutdown)


def start(service: str, process: str, settings: Settings) -> Telemetry:
    """Begins to record and export as `kith-<service>-<process>`. Call it once, after any monkey patching.

    Raises:
        SettingError: the endpoint is not an http(s) URL, or `metrics_listen` cannot be listened on.
    """
    if not (settings.otlp_endpoint or settings.metrics_listen):
        spans.install(None)
        return Telemetry(None)
    # Imported here because a process that nobody listens to can spare the memory of it.
    from services.chassis.telemetry.pipeline import Pipeline

    name = f"kith-{service}" if process in ("", service) else f"kith-{service}-{process}"
    pipeline = Pipeline(name, settings)
    meter = pipeline.metrics.get_meter("kith")
    for instrument in INSTRUMENTS:
        instrument.bind(meter)
    runtime.observe(meter)
    spans.install(pipeline.traces.get_tracer("kith") if pipeline.traces else None)
    # For the instrumentation libraries of others, so that their spans and metrics join ours.
    if pipeline.traces:
        set_tracer_provider(pipeline.traces)
    set_meter_provider(pipeline.metrics)
    running = Telemetry(pipeline)
    atexit.register(running.shutdown)
    return running


def inject() -> str:
    """The `traceparent` to send along with a call or a message; empty outside of any span."""
    return current_traceparent()


def record_error(span: Span, code: str, description: str = "") -> None:
    """Tells a span how it failed, as `span.fail` does."""
    span.fail(code, description)
