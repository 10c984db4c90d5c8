"""Counters, gauges and histograms, aggregated in the process and encoded as OTLP every half minute.

A series is an instrument and one tuple of label values, in the order of the instrument's `labels`. Each
instrument holds at most 500 series; what goes beyond is counted in one series marked as overflow, as the
OpenTelemetry SDKs do. Instruments are process-wide, as the processor's clock is: importing this module
makes empty tables and nothing else.
"""

from __future__ import annotations

import struct
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from services.chassis.telemetry import wire

Labels = tuple[str, ...]  # an empty text leaves that label out

# Seconds. Source: OpenTelemetry semantic conventions, advisory boundaries of duration histograms.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

_MOST_SERIES = 500
_CUMULATIVE = wire.integer(2, 2)


class Histogram:
    """Counts observations in buckets, cumulatively since the process started."""

    def __init__(
        self,
        name: str,
        unit: str,
        description: str,
        labels: Sequence[str] = (),
        bounds: Sequence[float] = SECONDS,
    ) -> None:
        self.name, self.unit, self.description = name, unit, description
        self.labels = tuple(labels)
        self._bounds = tuple(bounds)
        # Per series: one count per bucket, then the sum.
        self._series: dict[Labels, list[float]] = {}
        self._lock = threading.Lock()

    def record(self, value: float, labels: Labels = ()) -> None:
        """Adds one observation, in the instrument's unit."""
        bucket = bisect_left(self._bounds, value)
        with self._lock:
            row = self._series.get(labels)
            if row is None:
                row = self._new_row(labels)
            row[bucket] += 1
            row[-1] += value

    def encoded(self, start: int, now: int) -> bytes:
        """The instrument as the `Metric` field of OTLP's `ScopeMetrics`; empty if nothing was observed."""
        with self._lock:
            rows = [(labels, list(row)) for labels, row in self._series.items()]
        points = [self._point(labels, row, start, now) for labels, row in rows]
        return _metric(self, 9, b"".join(points) + _CUMULATIVE) if points else b""

    def _new_row(self, labels: Labels) -> list[float]:
        labels = labels if len(self._series) < _MOST_SERIES else _OVERFLOW
        return self._series.setdefault(labels, [0.0] * (len(self._bounds) + 2))

    def _point(self, labels: Labels, row: list[float], start: int, now: int) -> bytes:
        counts = [int(count) for count in row[:-1]]
        packed_counts = struct.pack(f"<{len(counts)}Q", *counts)
        packed_bounds = struct.pack(f"<{len(self._bounds)}d", *self._bounds)
        return wire.delimited(
            1,
            wire.fixed64(2, start)
            + wire.fixed64(3, now)
            + wire.fixed64(4, sum(counts))
            + wire.double(5, row[-1])
            + wire.delimited(6, packed_counts)
            + wire.delimited(7, packed_bounds)
            + _labels(9, self.labels, labels),
        )


class Counter:
    """A sum that only grows."""

    def __init__(self, name: str, unit: str, description: str, labels: Sequence[str] = ()) -> None:
        self.name, self.unit, self.description = name, unit, description
        self.labels = tuple(labels)
        self._series: dict[Labels, int] = {}
        self._lock = threading.Lock()

    def add(self, amount: int = 1, labels: Labels = ()) -> None:
        """Adds to the sum of one series."""
        with self._lock:
            if labels not in self._series and len(self._series) >= _MOST_SERIES:
                labels = _OVERFLOW
            self._series[labels] = self._series.get(labels, 0) + amount

    def encoded(self, start: int, now: int) -> bytes:
        """The instrument as the `Metric` field of OTLP's `ScopeMetrics`; empty if nothing was counted."""
        with self._lock:
            rows = list(self._series.items())
        points = [_number(self.labels, labels, start, now, value) for labels, value in rows]
        return _metric(self, 7, b"".join(points) + _CUMULATIVE + wire.integer(3, 1)) if points else b""


class Gauge:
    """The last value set."""

    def __init__(self, name: str, unit: str, description: str, labels: Sequence[str] = ()) -> None:
        self.name, self.unit, self.description = name, unit, description
        self.labels = tuple(labels)
        self._series: dict[Labels, float] = {}

    def set(self, value: float, labels: Labels = ()) -> None:
        """Keeps the value of one series."""
        if labels in self._series or len(self._series) < _MOST_SERIES:
            self._series[labels] = value

    def encoded(self, start: int, now: int) -> bytes:
        """The instrument as the `Metric` field of OTLP's `ScopeMetrics`; empty if nothing was set."""
        rows = list(self._series.items())
        points = [_number(self.labels, labels, start, now, value) for labels, value in rows]
        return _metric(self, 5, b"".join(points)) if points else b""


class Observed:
    """A sum that is read when metrics are exported: one that only grows, or one that goes up and down."""

    def __init__(self, name: str, unit: str, description: str, read: Callable[[], float], *, grows: bool) -> None:
        self.name, self.unit, self.description = name, unit, description
        self._read = read
        self._grows = grows

    def encoded(self, start: int, now: int) -> bytes:
        """The instrument as the `Metric` field of OTLP's `ScopeMetrics`."""
        point = _number((), (), start, now, self._read())
        return _metric(self, 7, point + _CUMULATIVE + wire.integer(3, self._grows))


Instrument = Histogram | Counter | Gauge | Observed


def encode(instruments: Iterable[Instrument], start: int) -> bytes:
    """All instruments that have something to say, as the fields of OTLP's `ScopeMetrics`. `start` in ns."""
    now = time.time_ns()
    return b"".join([instrument.encoded(start, now) for instrument in instruments])


def _metric(instrument: Instrument, field: int, data: bytes) -> bytes:
    described = wire.text(1, instrument.name) + wire.text(2, instrument.description) + wire.text(3, instrument.unit)
    return wire.delimited(2, described + wire.delimited(field, data))


def _number(names: Labels, labels: Labels, start: int, now: int, value: float) -> bytes:
    number = wire.fixed64(6, value & _MASK) if isinstance(value, int) else wire.double(4, value)
    return wire.delimited(1, wire.fixed64(2, start) + wire.fixed64(3, now) + number + _labels(7, names, labels))


def _labels(field: int, names: Labels, values: Labels) -> bytes:
    if values is _OVERFLOW:
        return wire.attribute(field, "otel.metric.overflow", True)
    pairs = zip(names, values, strict=True)
    return b"".join([wire.attribute(field, name, value) for name, value in pairs if value])


_OVERFLOW: Labels = ("otel.metric.overflow",)
_MASK = 0xFFFFFFFFFFFFFFFF
