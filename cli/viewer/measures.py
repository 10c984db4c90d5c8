"""The last metrics each process sent."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
)

from cli.viewer.values import plain, resource_instance, resource_service

_MOST_PROCESSES: Final = 200
_STALE_SECONDS: Final = 120.0  # four exports missed: that process is gone


class Measures:
    """Holds, per process, the metrics of its last export."""

    def __init__(self) -> None:
        self._processes: dict[tuple[str, str], tuple[float, list[Metric]]] = {}

    def add(self, request: ExportMetricsServiceRequest) -> None:
        """Replaces what is known of the processes in this export request."""
        now = time.monotonic()
        for resource_metrics in request.resource_metrics:
            key = (
                resource_service(resource_metrics.resource),
                resource_instance(resource_metrics.resource),
            )
            found = [metric for scope in resource_metrics.scope_metrics for metric in scope.metrics]
            self._processes.pop(key, None)
            self._processes[key] = (now, found)
        fresh = [(key, held) for key, held in self._processes.items() if now - held[0] < _STALE_SECONDS]
        self._processes = dict(fresh[-_MOST_PROCESSES:])

    def rows(self) -> list[dict[str, object]]:
        """One row per series, ordered by metric, service and labels."""
        found = [
            {
                "service": service,
                "name": metric.name,
                "unit": metric.unit,
                "ageSeconds": round(age, 1),
                **point,
            }
            for (service, _), (at, metrics) in self._processes.items()
            if (age := time.monotonic() - at) < _STALE_SECONDS
            for metric in metrics
            for point in _points(metric)
        ]
        return sorted(
            found,
            key=lambda row: (str(row["name"]), str(row["service"]), str(row["labels"])),
        )


def _points(metric: Metric) -> Iterator[dict[str, object]]:
    for histogram in metric.histogram.data_points:
        yield _histogram(histogram)
    for number in [*metric.sum.data_points, *metric.gauge.data_points]:
        yield {"labels": _labels(number.attributes), "value": _number(number)}


def _histogram(point: HistogramDataPoint) -> dict[str, object]:
    return {
        "labels": _labels(point.attributes),
        "count": point.count,
        "average": point.sum / point.count if point.count else 0.0,
        "p50": _quantile(point, 0.5),
        "p95": _quantile(point, 0.95),
        "p99": _quantile(point, 0.99),
    }


def _quantile(point: HistogramDataPoint, share: float) -> float:
    """Estimated as if values were spread evenly within their bucket; the last bucket answers its lower bound."""
    wanted = share * point.count
    passed = 0
    for index, count in enumerate(point.bucket_counts):
        if count and passed + count >= wanted:
            if index >= len(point.explicit_bounds):
                break
            low = point.explicit_bounds[index - 1] if index else 0.0
            return low + (point.explicit_bounds[index] - low) * (wanted - passed) / count
        passed += count
    return point.explicit_bounds[-1] if point.explicit_bounds else 0.0


def _number(point: NumberDataPoint) -> float:
    return point.as_double if point.HasField("as_double") else point.as_int


def _labels(attributes: Sequence[KeyValue]) -> dict[str, object]:
    return {pair.key: plain(pair.value) for pair in attributes}
