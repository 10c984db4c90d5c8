"""Export over real sockets: to a collector that works, is dead, is slow, or refuses."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from services.chassis import telemetry
from services.chassis.telemetry.metrics import Counter
from services.chassis.telemetry.otlp import QUEUE_SPANS
from tests.unit.telemetry.collector import Collector


@dataclass
class Settings:
    otlp_endpoint: str
    traces_ratio: float = 1.0
    metrics_listen: str = ""


@pytest.fixture
def begin() -> Iterator[Callable[[str], telemetry.Telemetry]]:
    """Starts telemetry towards an endpoint, and stops it after the test."""
    running: list[telemetry.Telemetry] = []

    def begin(endpoint: str) -> telemetry.Telemetry:
        running.append(telemetry.start("contact", "api", Settings(endpoint)))
        return running[-1]

    yield begin
    for each in running:
        each.shutdown()


Begin = Callable[[str], telemetry.Telemetry]


def test_spans_arrive_with_the_name_of_their_process(collector: Collector, begin: Begin) -> None:
    begin(collector.endpoint)
    wanted = QUEUE_SPANS - 1  # more could be dropped: nobody says when the exporter's thread gets its turn
    for _ in range(wanted):
        with telemetry.server_span("work"):
            pass
    _until(lambda: len(collector.spans()) == wanted)
    (about, *_) = [resource.resource for resource in collector.traces[0].resource_spans]
    told = {pair.key: pair.value.string_value for pair in about.attributes}
    assert told["service.name"] == "kith-contact-api"
    assert told["service.namespace"] == "kith"
    assert told["service.instance.id"]


def test_shutdown_delivers_what_is_left_and_the_metrics(collector: Collector, begin: Begin) -> None:
    running = begin(collector.endpoint)
    with telemetry.RpcServerSpan("kith.test.v1.TestService/Last"):
        pass
    running.shutdown()
    assert [span.name for span in collector.spans()] == ["kith.test.v1.TestService/Last"]
    series = collector.series()
    (point,) = [
        point
        for point in series["rpc.server.call.duration"].histogram.data_points
        if any(pair.value.string_value.endswith("/Last") for pair in point.attributes)
    ]
    assert point.count == 1
    assert sum(point.bucket_counts) == 1
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    assert series["process.memory.usage"].sum.data_points[0].as_int > 1_000_000
    assert series["process.cpu.time"].sum.is_monotonic


def test_a_dead_collector_costs_nothing_and_is_told_of_once(begin: Begin, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = begin(f"http://127.0.0.1:{port}")
    with caplog.at_level(logging.WARNING):
        began = time.process_time()
        for _ in range(3 * QUEUE_SPANS):
            with telemetry.server_span("work"):
                pass
        assert time.process_time() - began < 2.0
        time.sleep(2.5)
        began = time.perf_counter()
        running.shutdown()
        assert time.perf_counter() - began < 2.2
    assert len([record for record in caplog.records if "not being exported" in record.message]) == 1


def test_a_slow_collector_does_not_hold_up_the_shutdown(collector: Collector, begin: Begin) -> None:
    collector.delay_seconds = 30.0
    running = begin(collector.endpoint)
    with telemetry.server_span("work"):
        pass
    began = time.perf_counter()
    running.shutdown()
    assert time.perf_counter() - began < 2.2


def test_spans_wait_for_a_collector_that_comes_back(collector: Collector, begin: Begin) -> None:
    collector.status = 503
    begin(collector.endpoint)
    with telemetry.server_span("work"):
        pass
    _until(lambda: collector.requests > 0)
    collector.status = 200
    _until(lambda: len(collector.spans()) == 1)


def test_a_batch_that_is_refused_for_good_is_not_sent_again(collector: Collector, begin: Begin) -> None:
    collector.status = 400
    begin(collector.endpoint)
    with telemetry.server_span("bad"):
        pass
    _until(lambda: collector.requests > 0)
    collector.status = 200
    with telemetry.server_span("good"):
        pass
    _until(lambda: len(collector.spans()) > 0)
    assert [span.name for span in collector.spans()] == ["good"]


def test_an_endpoint_that_is_no_url_is_named() -> None:
    with pytest.raises(ValueError, match="OTEL_EXPORTER_OTLP_ENDPOINT"):
        telemetry.start("contact", "api", Settings("collector:4317"))


@pytest.mark.parametrize("then", ["ends", "goes on"])
def test_a_process_patched_by_eventlet_exports_too(collector: Collector, then: str) -> None:
    program = """
        import eventlet
        eventlet.monkey_patch()
        import os, sys
        from dataclasses import dataclass
        from services.chassis import telemetry

        @dataclass
        class Settings:
            otlp_endpoint: str
            traces_ratio: float = 1.0
            metrics_listen: str = ""

        running = telemetry.start("insight", "worker", Settings(sys.argv[1]))

        def handle(number):
            with telemetry.ProcessSpan("q", "t", ""):
                eventlet.sleep(0.01)
                with telemetry.client_span(str(number)):
                    eventlet.sleep(0.01)

        pool = eventlet.GreenPool()
        for number in range(20):
            pool.spawn(handle, number)
        pool.waitall()
        if sys.argv[2] == "ends":
            running.shutdown()
        else:
            eventlet.sleep(1.5)
        os._exit(0)
    """
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program), collector.endpoint, then],
        timeout=20,
        check=True,
    )
    assert len(collector.spans()) == 40
    parents = {span.span_id: span for span in collector.spans()}
    for child in collector.spans():
        if child.parent_span_id:
            assert parents[child.parent_span_id].trace_id == child.trace_id
    assert len({span.trace_id for span in collector.spans()}) == 20


def test_the_variables_of_the_specification_hold(
    collector: Collector, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=secret,x-scope=crm")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod")
    with telemetry.server_span("before the start"):
        pass
    running = begin(collector.endpoint)
    with telemetry.server_span("work"):
        pass
    running.shutdown()
    assert [span.name for span in collector.spans()] == ["work"]
    for sent in collector.headers:
        assert (sent["api-key"], sent["x-scope"], sent["content-encoding"]) == ("secret", "crm", "gzip")
    (about, *_) = [resource.resource for resource in collector.traces[0].resource_spans]
    assert "deployment.environment.name" in {pair.key for pair in about.attributes}


def test_without_an_endpoint_spans_have_ids_and_nothing_is_started(begin: Begin) -> None:
    threads = threading.active_count()
    begin("")
    with telemetry.server_span("work") as span:
        assert telemetry.current_trace_id() == span.trace_id
        assert span.traceparent.startswith(f"00-{span.trace_id}-")
        assert not span.recording
    assert threading.active_count() == threads


def test_an_instrument_does_not_grow_without_bounds() -> None:
    reader = InMemoryMetricReader()
    counter = Counter("c", "1", "", ("label",))
    counter.bind(MeterProvider([reader], Resource.get_empty(), shutdown_on_exit=False).get_meter("kith"))
    for number in range(3000):
        counter.add(1, (str(number),))
    data = reader.get_metrics_data()
    assert data is not None
    points = list(data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points)
    assert len(points) == 2001
    assert "otel.metric.overflow" in str(points)


def _until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
