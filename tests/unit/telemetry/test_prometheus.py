"""What Prometheus reads, over real sockets: from threads, beside an event loop, and under eventlet."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.chassis import telemetry
from services.chassis.settings import SettingError
from tests.unit.telemetry.collector import Collector

METHOD = "kith.contact.v1.ContactService/GetContact"
CALLS = "rpc_server_call_duration_seconds_count"


@dataclass
class Settings:
    metrics_listen: str
    otlp_endpoint: str = ""
    traces_ratio: float = 1.0


def test_a_call_is_seen_with_its_labels_and_nothing_of_the_scope() -> None:
    with started() as listen:
        call()
        (sample,) = [(labels, value) for labels, value in read(listen, CALLS) if labels["rpc_method"] == METHOD]
    expected = {"rpc_method": METHOD, "rpc_response_status_code": "OK", "rpc_system_name": "grpc"}
    assert sample == (expected, 1.0)


def test_the_process_tells_who_it_is_and_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITH_VERSION", "1.2.3")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=contact-api-0")
    with started() as listen:
        ((about, _),) = read(listen, "target_info")
        ((_, bytes_used),) = read(listen, "process_memory_usage_bytes")
        assert read(listen, "process_start_time_seconds")
        assert read(listen, "process_open_fds")
    assert about["service_name"] == "kith-contact-api"
    assert about["service_version"] == "1.2.3"
    assert about["k8s_pod_name"] == "contact-api-0"
    assert bytes_used > 1_000_000


def test_what_is_read_is_also_sent_to_a_collector(collector: Collector) -> None:
    with started(collector.endpoint) as listen:
        call()
        assert read(listen, CALLS)
    assert "rpc.server.call.duration" in collector.series()
    assert [span.name for span in collector.spans()] == [METHOD]


def test_who_only_scrapes_may_spare_the_process_the_pushing(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    with started(collector.endpoint) as listen:
        call()
        assert read(listen, CALLS)
    assert collector.metrics == []
    assert [span.name for span in collector.spans()] == [METHOD]


def test_scrapes_that_overlap_are_each_complete() -> None:
    texts: list[bytes] = []
    with started() as listen:
        call()
        threads = [threading.Thread(target=lambda: texts.append(text(listen))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [each.count(b"# TYPE rpc_server_call_duration_seconds histogram") for each in texts] == [1] * 8


def test_after_the_end_nobody_listens_and_the_next_start_counts_afresh() -> None:
    with started() as listen:
        call()
    with pytest.raises(OSError, match="refused"):
        text(listen)
    with started() as listen:
        assert read(listen, CALLS) == []


def test_a_taken_port_is_named_with_its_variable() -> None:
    with started() as listen, pytest.raises(SettingError, match=rf"KITH_METRICS_LISTEN is '{listen}'.*in use"):
        telemetry.start("sales", "api", Settings(listen))


@pytest.mark.parametrize("listen", ["9464", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_named_with_its_variable(listen: str) -> None:
    with pytest.raises(SettingError, match="KITH_METRICS_LISTEN"):
        telemetry.start("sales", "api", Settings(listen))


def test_an_address_of_the_sixth_version_is_listened_on() -> None:
    if not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    listen = f"[::1]:{free_port()}"
    running = telemetry.start("sales", "api", Settings(listen))
    try:
        assert read(listen, "target_info")
    finally:
        running.shutdown()


def test_a_worker_patched_by_eventlet_answers_while_it_handles_events() -> None:
    handling = """
        import eventlet
        eventlet.monkey_patch()
        from eventlet import tpool

        running = start("insight", "worker")

        def handle():
            with telemetry.ProcessSpan("insight.events.v1", "contact.created", ""):
                eventlet.sleep(0.001)

        def go_on():
            while True:
                handle()

        handle()
        for _ in range(8):
            eventlet.spawn(go_on)
        say("ready")
        tpool.execute(sys.stdin.readline)
        running.shutdown()
        say("ended")
        os._exit(0)
    """
    series = "messaging_process_duration_seconds_count"
    with process(handling) as listen:
        seen = [read(listen, series)[0][1] for _ in range(20)]
    assert seen == sorted(seen)
    assert seen[-1] - seen[0] >= 20, "events went on being handled between the scrapes"


def test_a_gateway_under_uvloop_answers_beside_its_loop() -> None:
    serving = """
        import asyncio
        import uvloop

        async def serve():
            with telemetry.HttpServerSpan("GET") as span:
                span.route, span.status = "/v1/contacts", 200
            say("ready")
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)

        running = start("gateway", "")
        uvloop.run(serve())
        running.shutdown()
        say("ended")
    """
    with process(serving) as listen:
        ((labels, count),) = read(listen, "http_server_request_duration_seconds_count")
    assert (labels["http_route"], labels["http_response_status_code"], count) == ("/v1/contacts", "200", 1.0)


@contextmanager
def started(endpoint: str = "") -> Iterator[str]:
    """Telemetry that runs in this process; yields where it listens."""
    listen = f"127.0.0.1:{free_port()}"
    running = telemetry.start("contact", "api", Settings(listen, endpoint))
    try:
        yield listen
    finally:
        running.shutdown()


@contextmanager
def process(program: str) -> Iterator[str]:
    """A process of its own that says when it is ready, and ends in order when a line is written to it."""
    head = """
        import os, sys
        from dataclasses import dataclass

        def start(service, process):
            global telemetry
            from services.chassis import telemetry

            @dataclass
            class Settings:
                metrics_listen: str
                otlp_endpoint: str = ""
                traces_ratio: float = 1.0

            return telemetry.start(service, process, Settings(sys.argv[1]))

        def say(word):
            print(word, flush=True)
    """
    listen = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(head) + textwrap.dedent(program), listen]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        yield listen
        assert running.communicate("\n", timeout=20)[0] == "ended\n"


def call() -> None:
    with telemetry.RpcServerSpan(METHOD):
        pass


def text(listen: str) -> bytes:
    with urlopen(f"http://{listen}/metrics", timeout=20) as answer:
        return bytes(answer.read())


def read(listen: str, name: str) -> Sequence[tuple[dict[str, str], float]]:
    """All samples of that name."""
    families = text_string_to_metric_families(text(listen).decode())
    return [(sample.labels, sample.value) for family in families for sample in family.samples if sample.name == name]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
