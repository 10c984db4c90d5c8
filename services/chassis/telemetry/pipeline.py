"""From spans and instruments to those who read them: an OTLP collector, Prometheus, or both.

What is sent and what is read are parts of their own (`otlp.py`, `prometheus.py`), each imported only by a
process that uses it. Here they become the SDK's providers, and end with them.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.util.types import AttributeValue
from opentelemetry.version import __version__ as sdk_version

from services.chassis.telemetry import runtime

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricReader

    from services.chassis.telemetry import Settings


class Pipeline:
    """Exports spans and metrics of the process `service_name` to whom the settings name.

    `traces` is None when they name no collector: then spans have ids, and nobody records them.

    Raises:
        SettingError: the collector's endpoint is no URL, or Prometheus cannot be listened for.
    """

    def __init__(self, service_name: str, settings: Settings) -> None:
        resource = _resource(service_name)
        self.traces = _traces(settings, resource) if settings.otlp_endpoint else None
        self.metrics = MeterProvider(_readers(settings), resource, AlwaysOffExemplarFilter(), shutdown_on_exit=False)

    def shutdown(self, timeout_seconds: float) -> None:
        """Exports what is left, as far as that is possible in time, and stops listening."""
        deadline = time.monotonic() + timeout_seconds
        # The SDK's own limits are longer, and one after the other; what is not done in time is left behind.
        ends = [
            threading.Thread(target=provider.shutdown, name="telemetry-end", daemon=True)
            for provider in (self.traces, self.metrics)
            if provider is not None
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


def _traces(settings: Settings, resource: Resource) -> TracerProvider:
    from services.chassis.telemetry import otlp

    sampler = ParentBased(TraceIdRatioBased(settings.traces_ratio))
    traces = TracerProvider(sampler, resource, shutdown_on_exit=False, span_limits=_unlimited())
    traces.add_span_processor(otlp.span_processor(settings.otlp_endpoint))
    return traces


def _readers(settings: Settings) -> list[MetricReader]:
    readers: list[MetricReader] = []
    # Each reader counts for itself, so whoever scrapes may spare the process the pushing.
    if settings.otlp_endpoint and os.environ.get("OTEL_METRICS_EXPORTER") != "none":
        from services.chassis.telemetry import otlp

        readers.append(otlp.metric_reader(settings.otlp_endpoint))
    if settings.metrics_listen:
        from services.chassis.telemetry.prometheus import ScrapedReader

        readers.append(ScrapedReader(settings.metrics_listen))
    return readers


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
