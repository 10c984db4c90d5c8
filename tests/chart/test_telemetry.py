"""What Prometheus, Grafana and traces get to see of Kith."""

from __future__ import annotations

import json

import pytest
import yaml

from services.chassis.settings import SERVICES
from tests.chart.rendering import CHART, Manifest, render, scenario_manifests, values_of
from tests.chart.workloads import Workload, fits, of_kind, workloads

_PROCESSES = {"gateway", *(f"{service}-{part}" for service in SERVICES for part in ("api", "worker"))}


@pytest.mark.parametrize("monitors", [("podMonitor",), ("podMonitor", "serviceMonitor")], ids=", ".join)
def test_every_process_is_scraped_once(monitors: tuple[str, ...]) -> None:
    manifests = _monitored(*monitors)
    scraped = {pod.component: _scrapes(manifests, pod) for pod in workloads(manifests)}
    assert {component: times for component, times in scraped.items() if times} == dict.fromkeys(_PROCESSES, 1)


def test_a_service_monitor_alone_sees_what_has_a_service() -> None:
    manifests = _monitored("serviceMonitor")
    seen = {pod.component for pod in workloads(manifests) if _scrapes(manifests, pod)}
    assert seen == {"gateway", *(f"{service}-api" for service in SERVICES)}


def test_monitors_name_a_port_that_pods_open() -> None:
    for monitor in of_kind(_monitored("podMonitor", "serviceMonitor"), "PodMonitor", "ServiceMonitor"):
        endpoints = monitor["spec"].get("podMetricsEndpoints", monitor["spec"].get("endpoints"))
        assert [endpoint["port"] for endpoint in endpoints] == ["metrics"]


def test_the_rules_are_the_file_of_the_chart() -> None:
    groups = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())["groups"]
    assert [rule["spec"]["groups"] for rule in of_kind(scenario_manifests("everything"), "PrometheusRule")] == [groups]


def test_every_dashboard_is_the_file_of_the_chart_and_valid_json() -> None:
    files = {file.name: json.loads(file.read_text()) for file in (CHART / "files" / "dashboards").glob("*.json")}
    maps = of_kind(scenario_manifests("everything"), "ConfigMap")
    shown = [each["data"] for each in maps if "grafana_dashboard" in each["metadata"]["labels"]]
    assert files
    assert {name: json.loads(text) for data in shown for name, text in data.items()} == files


@pytest.mark.parametrize(
    ("scenario", "endpoint"),
    [("dev", "http://kith-viewer:8080"), ("everything", "http://kith-collector:4318"), ("minimal", None)],
)
def test_every_process_sends_its_traces_to_what_the_chart_brings(scenario: str, endpoint: str | None) -> None:
    pods = {pod.component: pod for pod in workloads(scenario_manifests(scenario))}
    assert {pods[each].environment.get("OTEL_EXPORTER_OTLP_ENDPOINT") for each in _PROCESSES} == {endpoint}


def _monitored(*monitors: str) -> list[Manifest]:
    return render({**values_of("minimal"), "metrics": {monitor: {"enabled": True} for monitor in monitors}})


def _scrapes(manifests: list[Manifest], pod: Workload) -> int:
    """By how many ways Prometheus comes upon a pod."""
    direct = [each for each in of_kind(manifests, "PodMonitor") if fits(each["spec"]["selector"], pod.labels)]
    services = [
        service
        for service in of_kind(manifests, "Service")
        if fits({"matchLabels": service["spec"]["selector"]}, pod.labels)
        and "metrics" in {port["name"] for port in service["spec"]["ports"]}
    ]
    through = [
        service
        for monitor in of_kind(manifests, "ServiceMonitor")
        for service in services
        if fits(monitor["spec"]["selector"], service["metadata"]["labels"])
    ]
    return len(direct) + len(through)
