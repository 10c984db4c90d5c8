"""From spans and instruments to an OTLP/HTTP collector, by OpenTelemetry's SDK.

A dead or slow collector must cost the service nothing. So the queue is bounded (what comes when it is full
pushes out the oldest), an export gives up after a few seconds, at most one warning a minute is logged, and
shutting down has its time. The SDK exports from threads of its own; in a process patched by eventlet they
are green ones, and their sockets yield.

The variables of OpenTelemetry's specification hold here too, and outweigh what is set here.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from typing import Final, TypeVar
from urllib.parse import urlsplit

import requests
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import (
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
    OTEL_BSP_MAX_QUEUE_SIZE,
    OTEL_BSP_SCHEDULE_DELAY,
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT,
    OTEL_EXPORTER_OTLP_METRICS_TIMEOUT,
    OTEL_EXPORTER_OTLP_TIMEOUT,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT,
    OTEL_METRIC_EXPORT_INTERVAL,
)
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.util.types import AttributeValue
from opentelemetry.version import __version__ as sdk_version

from services.chassis.telemetry import runtime

T = TypeVar("T")

QUEUE_SPANS: Final = 2048  # about 4 KB each
_BATCH_SPANS: Final = 512
_DELAY_MILLISECONDS: Final = 1_000
_METRICS_MILLISECONDS: Final = 30_000
# Long enough for three attempts, which the exporter makes 1 and 2 seconds apart.
_TIMEOUT_SECONDS: Final = 5.0
_WARNING_SECONDS: Final = 60.0


class Pipeline:
    """Exports spans and metrics of `service_name` to `endpoint`, a base URL. `ratio` is the share of new traces."""

    def __init__(self, service_name: str, endpoint: str, ratio: float) -> None:
        _check(endpoint)
        _hush()
        resource = _resource(service_name)
        self.traces = TracerProvider(
            ParentBased(TraceIdRatioBased(ratio)), resource, shutdown_on_exit=False, span_limits=_unlimited()
        )
        self.traces.add_span_processor(_span_processor(endpoint))
        self.metrics = MeterProvider(
            [_metric_reader(endpoint)], resource, AlwaysOffExemplarFilter(), shutdown_on_exit=False
        )

    def shutdown(self, timeout_seconds: float) -> None:
        """Exports what is left, as far as that is possible in time."""
        deadline = time.monotonic() + timeout_seconds
        # The SDK's own limits are longer, and one after the other; what is not done in time is left behind.
        ends = [
            threading.Thread(target=provider.shutdown, name="telemetry-end", daemon=True)
            for provider in (self.traces, self.metrics)
        ]
        for end in ends:
            end.start()
        for end in ends:
            end.join(max(0.0, deadline - time.monotonic()))


class _SameResource(Resource):
    """The resource of this process. The encoder asks each span's for its hash, which is made from JSON."""

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


class _OncePerMinute(logging.Filter):
    """Lets one record a minute through, of all loggers that it is given to, as a warning."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is time to say something again."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _WARNING_SECONDS
        record.msg = f"telemetry is not being exported: {record.getMessage()}"
        record.args = record.exc_info = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def _span_processor(endpoint: str) -> BatchSpanProcessor:
    exporter = OTLPSpanExporter(
        _unless_set(f"{endpoint.rstrip('/')}/v1/traces", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT),
        timeout=_unless_set(_TIMEOUT_SECONDS, OTEL_EXPORTER_OTLP_TIMEOUT, OTEL_EXPORTER_OTLP_TRACES_TIMEOUT),
        session=_session(endpoint),
    )
    return BatchSpanProcessor(
        exporter,
        _unless_set(QUEUE_SPANS, OTEL_BSP_MAX_QUEUE_SIZE),
        _unless_set(_DELAY_MILLISECONDS, OTEL_BSP_SCHEDULE_DELAY),
        _unless_set(_BATCH_SPANS, OTEL_BSP_MAX_EXPORT_BATCH_SIZE),
    )


def _metric_reader(endpoint: str) -> PeriodicExportingMetricReader:
    exporter = OTLPMetricExporter(
        _unless_set(f"{endpoint.rstrip('/')}/v1/metrics", OTEL_EXPORTER_OTLP_METRICS_ENDPOINT),
        timeout=_unless_set(_TIMEOUT_SECONDS, OTEL_EXPORTER_OTLP_TIMEOUT, OTEL_EXPORTER_OTLP_METRICS_TIMEOUT),
        session=_session(endpoint),
    )
    return PeriodicExportingMetricReader(exporter, _unless_set(_METRICS_MILLISECONDS, OTEL_METRIC_EXPORT_INTERVAL))


def _session(endpoint: str) -> requests.Session | None:
    """On loopback a session that knows no proxy; otherwise the exporter makes its own."""
    if urlsplit(endpoint).hostname not in ("127.0.0.1", "localhost", "::1"):
        return None
    session = requests.Session()
    session.trust_env = False
    return session


def _unless_set(value: T, *variables: str) -> T | None:
    return None if any(variable in os.environ for variable in variables) else value


def _unlimited() -> SpanLimits:
    # Kith cuts long texts itself and makes no events: checking each attribute against a limit only costs.
    off = SpanLimits.UNSET
    return SpanLimits(off, off, off, off, off, off, off, off)


def _resource(service_name: str) -> Resource:
    ours: dict[str, AttributeValue] = {
        "service.name": service_name,
        "service.namespace": "kith",
        "service.version": runtime.version(),
        "service.instance.id": str(uuid.uuid4()),
        "process.pid": os.getpid(),
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": sdk_version,
    }
    return _SameResource({**ours, **OTELResourceDetector().detect().attributes})


def _check(endpoint: str) -> None:
    url = urlsplit(endpoint)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(f"OTEL_EXPORTER_OTLP_ENDPOINT must be http://host:port, not {endpoint!r}")


def _hush() -> None:
    once = _OncePerMinute()
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.filters[:] = [each for each in logger.filters if not isinstance(each, _OncePerMinute)]
        logger.addFilter(once)
    # It warns of every span that a full queue drops; making that record costs more than the span.
    logging.getLogger(_QUEUE_LOGGER).setLevel(logging.ERROR)


_QUEUE_LOGGER = "opentelemetry.sdk._shared_internal"
_LOGGERS = (
    _QUEUE_LOGGER,
    "opentelemetry.sdk.metrics._internal.export",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
)
