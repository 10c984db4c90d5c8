"""Spans kept in memory, and a running collector."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from services.chassis.telemetry import spans
from tests.unit.telemetry.collector import Collector


class Kept:
    """The spans that ended so far, as the exporter would write them."""

    def __init__(self, ratio: float = 1.0) -> None:
        self._exporter = InMemorySpanExporter()
        sampler = ParentBased(TraceIdRatioBased(ratio))
        provider = TracerProvider(sampler, Resource.get_empty(), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("kith")

    def all(self) -> list[WireSpan]:
        request = encode_spans(self._exporter.get_finished_spans())
        return [span for of in request.resource_spans for scope in of.scope_spans for span in scope.spans]

    def one(self) -> WireSpan:
        (span,) = self.all()
        return span


@pytest.fixture
def kept() -> Iterator[Kept]:
    """Records every trace into memory."""
    kept = Kept()
    spans.install(kept.tracer)
    yield kept
    spans.install(None)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector
