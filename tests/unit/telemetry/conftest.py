"""Spans kept in memory, and a running collector."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan

from services.chassis.telemetry import spans
from tests.unit.telemetry.collector import Collector


class Kept:
    """The spans that ended so far, decoded by the official OTLP messages."""

    def __init__(self) -> None:
        self.queue: deque[bytes] = deque(maxlen=10_000)

    def all(self) -> list[WireSpan]:
        return [WireSpan.FromString(raw) for raw in self.queue]

    def one(self) -> WireSpan:
        (span,) = self.all()
        return span


@pytest.fixture
def kept() -> Iterator[Kept]:
    """Records every trace into memory."""
    kept = Kept()
    spans.install(spans.Recorder(1.0, kept.queue))
    yield kept
    spans.install(spans.Recorder(0.0, None))


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector
