"""Rules and dashboards ask only for what is there: metrics, labels, queues, statuses and routes."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from gateway import stream
from services.chassis import protos
from services.chassis.bus.topology import Topology
from services.chassis.settings import SERVICES
from services.chassis.telemetry.conventions import INSTRUMENTS, SERVER_FAULTS
from tests.unit.observability import rules
from tests.unit.observability.exposed import labels_by_metric

# What the scrape adds to every sample; the head of alerts.yaml says so to whoever writes a monitor.
TARGET = frozenset(("job", "namespace", "pod", "container", "component", "instance"))

# What others expose, and why it is asked for although a cluster may do without it.
OTHERS = {
    "up": "Prometheus itself: whether a scrape went well",
    "ALERTS": "Prometheus itself: which alerts fire",
    "kube_pod_status_ready": "kube-state-metrics: a pod's readiness, of which its process tells Kubernetes alone",
    "kube_pod_container_resource_limits": "kube-state-metrics: a process does not know its limit",
    "kube_horizontalpodautoscaler_status_current_replicas": "kube-state-metrics: an autoscaler's end",
    "kube_horizontalpodautoscaler_spec_max_replicas": "kube-state-metrics: an autoscaler's end",
    "rabbitmq_queue_messages_ready": "RabbitMQ, /metrics/per-object: what waits while no worker runs",
    "rabbitmq_detailed_queue_messages_ready": "the same at /metrics/detailed",
    "rabbitmq_queue_consumers": "RabbitMQ, /metrics/per-object: whether anybody listens",
    "rabbitmq_detailed_queue_consumers": "the same at /metrics/detailed",
    "certmanager_certificate_expiration_timestamp_seconds": "cert-manager: when the internal certificate ends",
}


@pytest.fixture(scope="module")
def exposed() -> Mapping[str, frozenset[str]]:
    return labels_by_metric()


@pytest.fixture(scope="module")
def asked() -> set[rules.Selector]:
    return {selector for query in rules.queries() for selector in rules.selectors(query)}


def test_a_query_is_taken_apart_into_metrics_and_labels() -> None:
    query = 'sum by (pod) (rate(a_total{job="x, y=1", b!="}"}[5m])) / on (pod) c > 2e3 or {__name__=~"d|e", q=~".*"}'
    assert {selector.metric: set(selector.labels) for selector in rules.selectors(query)} == {
        "a_total": {"job", "b"},
        "c": set(),
        "d": {"q"},
        "e": {"q"},
    }


def test_every_metric_that_is_asked_for_is_exposed(
    asked: set[rules.Selector], exposed: Mapping[str, frozenset[str]]
) -> None:
    assert {selector.metric for selector in asked} - exposed.keys() - rules.recorded() - OTHERS.keys() == set()


def test_every_metric_of_others_is_asked_for(asked: set[rules.Selector]) -> None:
    assert OTHERS.keys() - {selector.metric for selector in asked} == set()


def test_every_instrument_of_kith_is_shown_in_a_dashboard_or_watched(asked: set[rules.Selector]) -> None:
    families = {re.sub(r"_(total|seconds|bucket|count|sum)", "", selector.metric) for selector in asked}
    assert {instrument.name.replace(".", "_") for instrument in INSTRUMENTS} - families == set()


def test_every_label_that_is_asked_for_is_exposed_or_set_by_the_scrape(
    asked: set[rules.Selector], exposed: Mapping[str, frozenset[str]]
) -> None:
    ours = [selector for selector in asked if selector.metric in exposed]
    unknown = [(each.metric, each.labels - exposed[each.metric] - TARGET) for each in ours]
    assert [(metric, labels) for metric, labels in unknown if labels] == []


def test_whatever_is_kiths_is_asked_for_by_its_job(
    asked: set[rules.Selector], exposed: Mapping[str, frozenset[str]]
) -> None:
    ours = [selector for selector in asked if selector.metric in exposed or selector.metric == "up"]
    assert [selector for selector in ours if "job" not in selector.labels] == []


def test_the_queues_that_are_watched_are_those_of_the_services_that_listen() -> None:
    topology = Topology.of(protos.files(), retries=0)
    listening = {service for service in SERVICES if topology.listener(service).bindings}
    assert {frozenset(each.split("|")) for each in _told(r'queue=~"\(([\w|]+)\)\[.\]events')} == {frozenset(listening)}


def test_an_api_is_blamed_for_what_its_spans_call_its_fault() -> None:
    told = _told(r'rpc_response_status_code=~"([\w|]+)"')
    assert {frozenset(each.split("|")) for each in told} == {SERVER_FAULTS}


def test_probes_and_streams_do_not_count_as_requests() -> None:
    assert _told(r'http_route!~"([^"]+)"') == {f"/healthz|/readyz|{stream.PATH}"}


def _told(pattern: str) -> set[str]:
    return {found for query in rules.queries() for found in re.findall(pattern, query)}
