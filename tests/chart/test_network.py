"""Who may talk to whom: NetworkPolicies open what a table names, and nothing else."""

from __future__ import annotations

import pytest

from services.chassis import protos
from services.chassis.resources.references import ANY
from services.chassis.resources.schema import RecordType
from services.chassis.settings import SERVICES
from tests.chart.network import Path, inner_paths, selecting, ways_in, ways_out
from tests.chart.rendering import Manifest, render, scenario_manifests, values_of
from tests.chart.workloads import Workload, fits, of_kind

_APIS = {f"{service}-api" for service in SERVICES}
_WORKERS = {f"{service}-worker" for service in SERVICES}
_MIGRATIONS = {f"{service}-migrate" for service in SERVICES}
_PROCESSES = _APIS | _WORKERS | {"gateway"}

# Clients, server and port: every connection between pods of a try-out, which brings its own servers.
_TABLE: tuple[tuple[set[str], str, int], ...] = (
    ({"gateway", *_APIS} - {"identity-api"}, "identity-api", 50051),
    ({"gateway", "sales-api", "cases-api", "notification-api"}, "contact-api", 50051),
    ({"gateway", "contact-api", "cases-api", "notification-api"}, "sales-api", 50051),
    ({"gateway", "contact-api", "notification-api"}, "cases-api", 50051),
    ({"gateway", "contact-api", "cases-api"}, "notification-api", 50051),
    ({"gateway", "contact-api", "cases-api", "notification-api"}, "insight-api", 50051),
    ({*_APIS, *_WORKERS, *_MIGRATIONS, "bootstrap", "check", "cli", "replica-set"}, "mongodb", 27017),
    ({*_WORKERS, "gateway", "cli"}, "rabbitmq", 5672),
    ({"notification-worker"}, "mailbox", 2525),
    (_PROCESSES, "viewer", 8080),
    ({"check"}, "gateway", 8080),
)


def test_pods_reach_each_other_as_the_table_says_and_not_otherwise() -> None:
    allowed = {Path(client, server, port) for clients, server, port in _TABLE for client in clients}
    assert inner_paths(scenario_manifests("dev")) == allowed


def test_an_api_reaches_the_services_whose_records_its_own_refer_to() -> None:
    reached = inner_paths(scenario_manifests("minimal"))
    for record in _records():
        for service in _referred(record) - {record.service}:
            assert Path(f"{record.service}-api", f"{service}-api", 50051) in reached, record.kind


def test_whoever_is_told_the_address_of_a_service_may_connect_to_it_and_nobody_else(
    manifests: tuple[Manifest, ...], running: list[Workload]
) -> None:
    told = {
        Path(pod.component, f"{service}-api", 50051)
        for pod in running
        for service in SERVICES
        if f"KITH_{service.upper()}_ADDRESS" in pod.environment
    }
    assert {path for path in inner_paths(manifests) if path.port == 50051} == told


def test_every_pod_is_closed_in_both_directions_but_for_what_policies_open(
    manifests: tuple[Manifest, ...], running: list[Workload]
) -> None:
    open_pods = {pod.name for pod in running if selecting(manifests, pod) != {"Ingress", "Egress"}}
    assert open_pods == set()


def test_every_policy_is_about_pods_that_there_are(manifests: tuple[Manifest, ...], running: list[Workload]) -> None:
    for policy in of_kind(manifests, "NetworkPolicy"):
        assert any(fits(policy["spec"]["podSelector"], pod.labels) for pod in running), policy["metadata"]["name"]


def test_every_pod_that_a_policy_names_is_there(manifests: tuple[Manifest, ...], running: list[Workload]) -> None:
    for policy in of_kind(manifests, "NetworkPolicy"):
        rules = [*(policy["spec"].get("ingress") or []), *(policy["spec"].get("egress") or [])]
        peers = [peer for rule in rules for side in ("from", "to") for peer in rule.get(side) or []]
        for peer in (peer for peer in peers if set(peer) == {"podSelector"}):
            assert any(fits(peer["podSelector"], pod.labels) for pod in running), (policy["metadata"]["name"], peer)


def test_every_pod_may_ask_for_names(manifests: tuple[Manifest, ...]) -> None:
    for component, ports in ways_out(manifests).items():
        assert any(port.endswith("/UDP") for port in ports), component


def test_nothing_may_leave_by_any_port(manifests: tuple[Manifest, ...]) -> None:
    assert {component for component, ports in ways_out(manifests).items() if "any" in ports} == set()


@pytest.mark.parametrize(
    ("components", "ports"),
    [
        (_APIS, {"27017/TCP"}),
        (_WORKERS - {"notification-worker"}, {"27017/TCP", "5671/TCP", "5672/TCP"}),
        ({"notification-worker"}, {"27017/TCP", "5671/TCP", "5672/TCP", "25/TCP", "465/TCP", "587/TCP"}),
        ({"gateway"}, {"5671/TCP", "5672/TCP"}),
        (_MIGRATIONS, {"27017/TCP"}),
    ],
    ids=["apis", "workers", "notification-worker", "gateway", "migrations"],
)
def test_servers_outside_are_reached_only_by_who_needs_them(components: set[str], ports: set[str]) -> None:
    values = {**values_of("minimal"), "smtp": {"existingSecret": "kith-smtp"}}
    reached = ways_out(render(values))
    for component in components:
        assert reached[component] - {"53/UDP", "53/TCP"} == ports, component


def test_only_the_gateway_may_be_reached_by_everybody_and_processes_by_who_reads_metrics() -> None:
    reached = ways_in(scenario_manifests("minimal"))
    assert reached["gateway"] == {"8080/TCP", "9464/TCP"}
    for component in _APIS | _WORKERS:
        assert reached[component] == {"9464/TCP"}, component
    for component in _MIGRATIONS:
        assert reached[component] == set(), component


def test_without_policies_nothing_is_closed() -> None:
    values = {**values_of("minimal"), "networkPolicy": {"enabled": False}}
    assert list(of_kind(render(values), "NetworkPolicy")) == []


def _records() -> list[RecordType]:
    return [RecordType.of(protos.message_class(descriptor)) for descriptor in protos.records()]


def _referred(record: RecordType) -> set[str]:
    """The services that keep records which a writer of this one may name."""
    named = {field.reference for field in record.references if not field.output_only}
    return {kind.service for kind in _records() if kind.type in named or ANY in named}
