"""Scalers, disruption budgets and spread: what holds while pods come and go."""

from __future__ import annotations

import pytest

from services.chassis.settings import SERVICES
from tests.chart.rendering import Manifest, render, scenario_manifests, values_of
from tests.chart.workloads import Workload, fits, of_kind, workloads

_WITH_QUEUE = {"contact", "sales", "cases", "notification", "insight"}


def test_every_scaler_has_a_deployment_to_scale(manifests: tuple[Manifest, ...], running: list[Workload]) -> None:
    scalers = of_kind(manifests, "HorizontalPodAutoscaler", "ScaledObject")
    targets = {scaler["spec"]["scaleTargetRef"]["name"] for scaler in scalers}
    assert targets <= {pod.name for pod in running if pod.kind == "Deployment"}


def test_apis_and_the_gateway_scale_on_cpu() -> None:
    scalers = list(of_kind(scenario_manifests("ha"), "HorizontalPodAutoscaler"))
    targets = {scaler["spec"]["scaleTargetRef"]["name"] for scaler in scalers}
    assert targets == {"kith-gateway", *(f"kith-{service}-api" for service in SERVICES)}
    for scaler in scalers:
        assert {metric["resource"]["name"] for metric in scaler["spec"]["metrics"]} >= {"cpu"}


def test_workers_scale_on_the_length_of_their_own_queue() -> None:
    scalers = list(of_kind(scenario_manifests("keda"), "ScaledObject"))
    queues = {
        scaler["spec"]["scaleTargetRef"]["name"]: trigger["metadata"]["queueName"]
        for scaler in scalers
        for trigger in scaler["spec"]["triggers"]
    }
    assert queues == {f"kith-{service}-worker": f"{service}.events.v1" for service in _WITH_QUEUE}


def test_a_worker_without_a_queue_is_not_scaled_by_one() -> None:
    targets = [each["spec"]["scaleTargetRef"]["name"] for each in of_kind(scenario_manifests("keda"), "ScaledObject")]
    assert "kith-identity-worker" not in targets


def test_keda_signs_in_to_the_broker_with_the_workers_secret() -> None:
    manifests = scenario_manifests("keda")
    authentications = {each["metadata"]["name"]: each for each in of_kind(manifests, "TriggerAuthentication")}
    for scaler in of_kind(manifests, "ScaledObject"):
        for trigger in scaler["spec"]["triggers"]:
            assert "host" not in trigger["metadata"], "a password would stand in plain text"
            named = authentications[trigger["authenticationRef"]["name"]]
            host = {"parameter": "host", "name": "kith-rabbitmq", "key": "uri"}
            assert host in named["spec"]["secretTargetRef"]


def test_no_disruption_budget_stops_a_drain_for_ever(manifests: tuple[Manifest, ...], running: list[Workload]) -> None:
    for budget in of_kind(manifests, "PodDisruptionBudget"):
        meant = [pod for pod in running if fits(budget["spec"]["selector"], pod.labels)]
        assert len(meant) == 1, budget["metadata"]["name"]
        fewest = _fewest(manifests, meant[0])
        assert fewest > 1, f"{budget['metadata']['name']} guards a single pod"
        assert _evictable(budget["spec"], fewest) >= 1, budget["metadata"]["name"]


def test_what_runs_more_than_once_has_a_disruption_budget() -> None:
    manifests = scenario_manifests("ha")
    guarded = list(of_kind(manifests, "PodDisruptionBudget"))
    for pod in workloads(manifests):
        if pod.kind == "Deployment" and _fewest(manifests, pod) > 1:
            assert any(fits(budget["spec"]["selector"], pod.labels) for budget in guarded), pod.name


def test_several_pods_of_a_kind_are_spread_over_nodes_and_zones() -> None:
    manifests = scenario_manifests("ha")
    spread = [pod for pod in workloads(manifests) if pod.kind == "Deployment" and _fewest(manifests, pod) > 1]
    assert spread
    for pod in spread:
        constraints = {each["topologyKey"]: each for each in pod.pod["topologySpreadConstraints"]}
        assert set(constraints) == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}, pod.name
        assert all(fits(each["labelSelector"], pod.labels) for each in constraints.values()), pod.name


def test_a_rollout_starts_new_pods_before_it_stops_old_ones() -> None:
    for pod in workloads(scenario_manifests("ha")):
        if pod.kind == "Deployment" and pod.component.endswith(("-api", "gateway")):
            assert pod.manifest["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0, pod.name


def test_every_pod_gets_longer_to_end_than_it_goes_on_serving() -> None:
    for pod in workloads(scenario_manifests("ha")):
        if "KITH_DRAIN_SECONDS" in pod.environment:
            drained = float(pod.environment["KITH_DRAIN_SECONDS"])
            assert pod.pod["terminationGracePeriodSeconds"] > drained, pod.name


@pytest.mark.parametrize("part", ["api", "gateway"])
def test_each_service_may_be_scaled_otherwise_than_all(part: str) -> None:
    values = values_of("minimal")
    values[part] = {"replicas": 2}
    values["services"] = {"contact": {"api": {"replicas": 5}}}
    replicas = {pod.name: pod.replicas for pod in workloads(render(values))}
    assert replicas["kith-contact-api"] == 5
    assert replicas["kith-sales-api" if part == "api" else "kith-gateway"] == 2


@pytest.mark.parametrize("scenario", ["ha", "keda"])
def test_one_service_may_go_without_the_scaler_and_the_budget_that_all_have(scenario: str) -> None:
    values = values_of(scenario)
    off: dict[str, dict[str, bool]] = {"podDisruptionBudget": {"enabled": False}, "autoscaling": {"enabled": False}}
    values["services"] = {"contact": {"api": off, "worker": {**off, "keda": {"enabled": False}}}}
    manifests = render(values)
    names = {
        each["spec"]["scaleTargetRef"]["name"] for each in of_kind(manifests, "HorizontalPodAutoscaler", "ScaledObject")
    }
    names |= {each["metadata"]["name"] for each in of_kind(manifests, "PodDisruptionBudget")}
    assert names
    assert {name for name in names if "contact" in name} == set()


def test_one_service_may_drain_at_once_where_the_others_take_their_time() -> None:
    values = {**values_of("minimal"), "services": {"contact": {"api": {"drainSeconds": 0}}}}
    drained = {pod.name: pod.environment.get("KITH_DRAIN_SECONDS") for pod in workloads(render(values))}
    assert drained["kith-contact-api"] == "0"
    assert drained["kith-sales-api"] == "10"


def _fewest(manifests: tuple[Manifest, ...], pod: Workload) -> int:
    """The smallest number of pods that there are by intent."""
    for scaler in of_kind(manifests, "HorizontalPodAutoscaler", "ScaledObject"):
        if scaler["spec"]["scaleTargetRef"]["name"] == pod.name:
            return int(scaler["spec"].get("minReplicas", scaler["spec"].get("minReplicaCount", 0)))
    return 1 if pod.replicas is None else pod.replicas


def _evictable(spec: dict[str, int | str], pods: int) -> int:
    """How many pods a budget lets go at once, percentages rounded as Kubernetes does: up, both of them."""
    if "maxUnavailable" in spec:
        return _number(spec["maxUnavailable"], pods)
    return pods - _number(spec["minAvailable"], pods)


def _number(value: int | str, pods: int) -> int:
    return -(-int(value.rstrip("%")) * pods // 100) if isinstance(value, str) else value
