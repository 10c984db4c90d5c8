"""Towards an OTLP/HTTP collector, by OpenTelemetry's SDK.

A dead or slow collector must cost the service nothing. So the queue is bounded (what comes when it is full
pushes out the oldest), an export gives up after a few seconds, and at most one warning a minute is logged. The
SDK exports from threads of its own; in a process patched by eventlet they are green ones, and their sockets yield.

The variables of OpenTelemetry's specification hold here too, and outweigh what is set here.
"""

from __future__ import annotations

import logging
import os
import time
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
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from services.chassis.settings import SettingError

T = TypeVar("T")

QUEUE_SPANS: Final = 2048  # about 4 KB each
_BATCH_SPANS: Final = 512
_DELAY_MILLISECONDS: Final = 1_000
_METRICS_MILLISECONDS: Final = 30_000
# Long enough for three attempts, which the exporter makes 1 and 2 seconds apart.
_TIMEOUT_SECONDS: Final = 5.0
_WARNING_SECONDS: Final = 60.0


def span_processor(endpoint: str) -> BatchSpanProcessor:
    """Sends spans in batches to `endpoint`, a base URL.

    Raises:
        SettingError: it is not an http(s) URL.
    """
    _check(endpoint)
    _hush()
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


def metric_reader(endpoint: str) -> PeriodicExportingMetricReader:
    """Sends the state of all metrics to `endpoint`, a base URL, every now and then."""
    exporter = OTLPMetricExporter(
        _unless_set(f"{endpoint.rstrip('/')}/v1/metrics", OTEL_EXPORTER_OTLP_METRICS_ENDPOINT),
        timeout=_unless_set(_TIMEOUT_SECONDS, OTEL_EXPORTER_OTLP_TIMEOUT, OTEL_EXPORTER_OTLP_METRICS_TIMEOUT),
        session=_session(endpoint),
    )
    return PeriodicExportingMetricReader(exporter, _unless_set(_METRICS_MILLISECONDS, OTEL_METRIC_EXPORT_INTERVAL))


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


def _session(endpoint: str) -> requests.Session | None:
    """On loopback a session that knows no proxy; otherwise the exporter makes its own."""
    if urlsplit(endpoint).hostname not in ("127.0.0.1", "localhost", "::1"):
        return None
    session = requests.Session()
    session.trust_env = False
    return session


def _unless_set(value: T, *variables: str) -> T | None:
    return None if any(variable in os.environ for variable in variables) else value


def _check(endpoint: str) -> None:
    url = urlsplit(endpoint)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise SettingError(f"OTEL_EXPORTER_OTLP_ENDPOINT must be http://host:port, not {endpoint!r}")


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
