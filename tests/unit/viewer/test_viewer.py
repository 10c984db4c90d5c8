"""The viewer as a running process, and the bounds of its memory."""

from __future__ import annotations

import gzip
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Histogram,
    HistogramDataPoint,
    Metric,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from cli.viewer.traces import Filter, Traces, waterfall

PROTOBUF = {"content-type": "application/x-protobuf"}
BEGAN = 1_700_000_000_000_000_000
STATIC = Path(__file__).parents[3] / "cli" / "viewer" / "static"


@pytest.fixture(scope="module")
def viewer() -> Iterator[httpx.Client]:
    """A viewer process on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    process = subprocess.Popen([sys.executable, "-m", "cli.viewer"], env={**os.environ, "KITH_LISTEN": address})
    with httpx.Client(base_url=f"http://{address}") as client:
        deadline = time.monotonic() + 15
        while not _answers(client):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield client
    process.terminate()
    assert process.wait(5) in (0, -15)


def test_a_trace_of_three_processes_is_one_waterfall(viewer: httpx.Client) -> None:
    trace = os.urandom(16)
    # The worker's part arrives first, and gzipped, as from another machine.
    worker = gzip.compress(sent("kith-insight-worker", [span(trace, 4, 3, "process insight.events.v1", 30, 5)]))
    viewer.post("/v1/traces", content=worker, headers={**PROTOBUF, "content-encoding": "gzip"}).raise_for_status()
    api = [
        span(trace, 3, 2, "kith.contact.v1.ContactService/CreateContact", 2, 9),
        span(trace, 5, 3, "insert contacts", 3, 2, failed=True),
    ]
    viewer.post("/v1/traces", content=sent("kith-contact-api", api), headers=PROTOBUF).raise_for_status()
    gateway = [
        span(trace, 2, 1, "kith.contact.v1.ContactService/CreateContact", 1, 11),
        span(trace, 1, 0, "POST", 0, 12),
    ]
    viewer.post("/v1/traces", content=sent("kith-gateway", gateway), headers=PROTOBUF).raise_for_status()

    shown = viewer.get(f"/api/traces/{trace.hex()}").json()
    assert shown["name"] == "POST"
    assert shown["durationMs"] == 35.0
    assert [service["name"] for service in shown["services"]] == [
        "kith-gateway",
        "kith-contact-api",
        "kith-insight-worker",
    ]
    assert [(row["depth"], row["service"], row["offsetMs"]) for row in shown["rows"]] == [
        (0, "kith-gateway", 0),
        (1, "kith-gateway", 1),
        (2, "kith-contact-api", 2),
        (3, "kith-contact-api", 3),
        (3, "kith-insight-worker", 30),
    ]
    assert shown["errors"] == 1
    assert shown["rows"][3]["error"] is True
    assert shown["rows"][3]["attributes"] == {"number": 5, "names": ["a", "b"]}


def test_a_span_says_in_which_pod_it_was(viewer: httpx.Client) -> None:
    trace = os.urandom(16)
    pod = KeyValue(key="k8s.pod.name", value=AnyValue(string_value="kith-contact-api-7d9-x2x4p"))
    body = ExportTraceServiceRequest.FromString(sent("kith-contact-api", [span(trace, 1, 0, "GET", 0, 1)]))
    body.resource_spans[0].resource.attributes.append(pod)
    viewer.post("/v1/traces", content=body.SerializeToString(), headers=PROTOBUF).raise_for_status()
    rows = viewer.get(f"/api/traces/{trace.hex()}").json()["rows"]
    assert [row["pod"] for row in rows] == ["kith-contact-api-7d9-x2x4p"]


def test_the_list_is_narrowed_by_text_service_duration_and_errors(viewer: httpx.Client) -> None:
    quick, failed, slow = (os.urandom(16) for _ in range(3))
    spans = [
        span(quick, 1, 0, "GET /v1/ducks", 0, 1),
        span(failed, 1, 0, "GET /v1/ducks", 0, 2, failed=True),
        span(slow, 1, 0, "GET /v1/ducks", 0, 900),
    ]
    viewer.post("/v1/traces", content=sent("kith-pond", spans), headers=PROTOBUF).raise_for_status()

    def found(**asked: str) -> set[str]:
        listed = viewer.get("/api/traces", params={"service": "kith-pond", **asked}).json()["traces"]
        return {trace["traceId"] for trace in listed}

    assert found() == {quick.hex(), failed.hex(), slow.hex()}
    assert found(errors="1") == {failed.hex()}
    assert found(min_ms="100") == {slow.hex()}
    assert found(q="DUCKS", limit="1") == {slow.hex()}
    assert found(q=quick.hex()[:12]) == {quick.hex()}
    assert found(q="geese") == set()


def test_metrics_are_shown_as_each_process_last_sent_them(viewer: httpx.Client) -> None:
    for count in (1, 4):
        content = measured("kith-contact-api", [0, count, 0])
        viewer.post("/v1/metrics", content=content, headers=PROTOBUF).raise_for_status()
    (row,) = viewer.get("/api/metrics").json()["metrics"]
    assert row["name"] == "rpc.server.call.duration"
    assert row["count"] == 4
    assert row["p50"] == pytest.approx(0.15)
    assert row["labels"] == {"rpc.method": "x"}


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"\xff\xff", PROTOBUF, 400),
        (b"{}", {"content-type": "application/json"}, 415),
        (b"not gzip", {**PROTOBUF, "content-encoding": "gzip"}, 400),
        (gzip.compress(bytes(17 * 1024 * 1024)), {**PROTOBUF, "content-encoding": "gzip"}, 413),
        (bytes(17 * 1024 * 1024), PROTOBUF, 413),
    ],
)
def test_what_is_no_export_request_is_refused(
    viewer: httpx.Client, content: bytes, headers: dict[str, str], status: int
) -> None:
    assert viewer.post("/v1/traces", content=content, headers=headers).status_code == status


@pytest.mark.parametrize("path", ["/api/traces/00", "/api/traces/x", "/static/app.py", "/static/..%2fapp.py", "/no"])
def test_what_is_not_there_is_not_found(viewer: httpx.Client, path: str) -> None:
    assert viewer.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/traces/0af7651916cd43dd8448eb211c80319c", "/metrics-view"])
def test_pages_load_nothing_from_elsewhere(viewer: httpx.Client, path: str) -> None:
    page = viewer.get(path)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert parts
    assert all(part.startswith("/") for part in parts)
    for part in parts:
        assert viewer.get(part).status_code == 200


def test_the_scripts_never_turn_text_into_markup() -> None:
    for script in STATIC.glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script.read_text())


def test_the_oldest_traces_make_room() -> None:
    traces = Traces(most=3, most_bytes=10_000)
    ids = [os.urandom(16) for _ in range(5)]
    for trace in ids:
        traces.add(ExportTraceServiceRequest.FromString(sent("s", [span(trace, 1, 0, "x", 0, 1)])))
    assert [trace.id for trace in traces.newest(Filter())] == [trace.hex() for trace in reversed(ids[2:])]
    big = [span(os.urandom(16), 1, 0, "y" * 6_000, 0, 1) for _ in range(2)]
    traces.add(ExportTraceServiceRequest.FromString(sent("s", big)))
    assert len(traces) == 1


def test_a_trace_without_end_is_cut_and_says_so() -> None:
    traces, trace = Traces(), os.urandom(16)
    traces.add(
        ExportTraceServiceRequest.FromString(sent("s", [span(trace, n, n - 1, "x", n, 1) for n in range(1, 2_101)]))
    )
    held = traces.get(trace.hex())
    assert held is not None
    shown = waterfall(held)
    assert (shown["spans"], shown["dropped"]) == (2_000, 100)


def test_spans_that_are_each_others_parents_are_shown_too() -> None:
    traces, trace = Traces(), os.urandom(16)
    circle = [span(trace, 1, 2, "a", 0, 1), span(trace, 2, 1, "b", 0, 1), span(trace, 3, 9, "orphan", 0, 1)]
    traces.add(ExportTraceServiceRequest.FromString(sent("s", circle)))
    held = traces.get(trace.hex())
    assert held is not None
    rows = waterfall(held)["rows"]
    assert isinstance(rows, list)
    assert [row["name"] for row in rows] == ["orphan", "a", "b"]


def span(
    trace: bytes, number: int, parent: int, name: str, offset: float, lasts: float, *, failed: bool = False
) -> Span:
    """A span; ids are small numbers, 0 is no parent; times in milliseconds."""
    start = BEGAN + int(offset * 1e6)
    names = ArrayValue(values=[AnyValue(string_value="a"), AnyValue(string_value="b")])
    return Span(
        trace_id=trace,
        span_id=number.to_bytes(8, "big"),
        parent_span_id=parent.to_bytes(8, "big") if parent else b"",
        name=name,
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=start,
        end_time_unix_nano=start + int(lasts * 1e6),
        attributes=[
            KeyValue(key="number", value=AnyValue(int_value=number)),
            KeyValue(key="names", value=AnyValue(array_value=names)),
        ],
        status=Status(code=Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET),
    )


def sent(service: str, spans: list[Span]) -> bytes:
    """An export request's bytes."""
    resource = ResourceSpans(resource=_resource(service), scope_spans=[ScopeSpans(spans=spans)])
    return ExportTraceServiceRequest(resource_spans=[resource]).SerializeToString()


def measured(service: str, counts: list[int]) -> bytes:
    """A metrics export with one histogram of buckets up to 0.1, up to 0.2, and above."""
    point = HistogramDataPoint(
        count=sum(counts),
        sum=0.15 * sum(counts),
        bucket_counts=counts,
        explicit_bounds=[0.1, 0.2],
        attributes=[KeyValue(key="rpc.method", value=AnyValue(string_value="x"))],
    )
    metric = Metric(name="rpc.server.call.duration", unit="s", histogram=Histogram(data_points=[point]))
    resource = ResourceMetrics(resource=_resource(service), scope_metrics=[ScopeMetrics(metrics=[metric])])
    return ExportMetricsServiceRequest(resource_metrics=[resource]).SerializeToString()


def _resource(service: str) -> Resource:
    return Resource(attributes=[KeyValue(key="service.name", value=AnyValue(string_value=service))])


def _answers(viewer: httpx.Client) -> bool:
    try:
        return viewer.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False
