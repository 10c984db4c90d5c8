"""Who may talk to whom: NetworkPolicies open what a table names, and nothing else."""

from __future__ import annotations

from services.chassis.settings import SERVICES
from tests.chart.network import selecting
from tests.chart.rendering import Manifest
from tests.chart.workloads import Workload, fits, of_kind

_APIS = {f"{service}-api" for service in SERVICES}
_GRPC = 50051

# (clients, servers, port): all connections between Kith's own pods, of a try-out that brings its own servers.
_TABLE: tuple[tuple[set[str], set[str], int], ...] = ()


def test_every_pod_is_closed_in_both_directions_but_for_what_policies_open(
    manifests: tuple[Manifest, ...], running: list[Workload]
) -> None:
    open_pods = {pod.name for pod in running if selecting(manifests, pod) != {"Ingress", "Egress"}}
    assert open_pods == set()


def test_every_policy_is_about_pods_that_there_are(manifests: tuple[Manifest, ...], running: list[Workload]) -> None:
    for policy in of_kind(manifests, "NetworkPolicy"):
        assert any(fits(policy["spec"]["podSelector"], pod.labels) for pod in running), policy["metadata"]["name"]


def test_every_peer_that_a_policy_names_by_labels_of_kith_is_a_pod_that_there_is(
    manifests: tuple[Manifest, ...], running: list[Workload]
) -> None:
    for policy in of_kind(manifests, "NetworkPolicy"):
        rules = [*(policy["spec"].get("ingress") or []), *(policy["spec"].get("egress") or [])]
        peers = [peer for rule in rules for side in ("from", "to") for peer in rule.get(side) or []]
        for peer in (peer for peer in peers if set(peer) == {"podSelector"}):
            assert any(fits(peer["podSelector"], pod.labels) for pod in running), (policy["metadata"]["name"], peer)
