"""The instruments of a Kith process, over those of OpenTelemetry's SDK.

Instruments are named here once and are heard by nobody until `bind` is called, so that importing this module
does nothing. A series is an instrument and one tuple of label values, in the order of the instrument's
`labels`; an empty value leaves that label out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from opentelemetry import metrics
from opentelemetry.metrics import Meter, NoOpCounter, NoOpHistogram

Labels = tuple[str, ...]

# Seconds. Source: OpenTelemetry semantic conventions, advisory boundaries of duration histograms.
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


class Histogram:
    """Durations in seconds, counted in buckets."""

    def __init__(self, name: str, description: str) -> None:
        self.name, self._description = name, description
        self._histogram: metrics.Histogram = NoOpHistogram(name)

    def record(self, seconds: float, attributes: Mapping[str, str | int]) -> None:
        """Adds one observation."""
        self._histogram.record(seconds, attributes)

    def bind(self, meter: Meter) -> None:
        """Makes the meter hear what is recorded from now on."""
        self._histogram = meter.create_histogram(
            self.name, "s", self._description, explicit_bucket_boundaries_advisory=SECONDS
        )


class Counter:
    """A sum that only grows."""

    def __init__(self, name: str, unit: str, description: str, labels: Sequence[str] = ()) -> None:
        self.name, self._unit, self._description = name, unit, description
        self._labels = tuple(labels)
        self._counter: metrics.Counter = NoOpCounter(name)

    def add(self, amount: int = 1, labels: Labels = ()) -> None:
        """Adds to the sum of one series."""
        self._counter.add(amount, _attributes(self._labels, labels))

    def bind(self, meter: Meter) -> None:
        """Makes the meter hear what is counted from now on."""
        self._counter = meter.create_counter(self.name, self._unit, self._description)


class Gauge:
    """The last value set. It is read when metrics are exported, so setting it costs next to nothing."""

    def __init__(self, name: str, unit: str, description: str) -> None:
        self.name, self._unit, self._description = name, unit, description
        self._value: float | None = None

    def set(self, value: float) -> None:
        """Keeps the value."""
        self._value = value

    def bind(self, meter: Meter) -> None:
        """Makes the meter read the value from now on."""

        def read(_: metrics.CallbackOptions) -> list[metrics.Observation]:
            return [] if self._value is None else [metrics.Observation(self._value)]

        meter.create_observable_gauge(self.name, [read], self._unit, self._description)


Instrument = Histogram | Counter | Gauge


@lru_cache(maxsize=1024)
def _attributes(names: Labels, values: Labels) -> Mapping[str, str]:
    return {name: value for name, value in zip(names, values, strict=True) if value}
