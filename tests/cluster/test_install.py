"""The chart installs, and says itself that Kith works."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict

from tests.cluster.kubectl import Json, Kubectl
from tests.cluster.release import Release, component_of
from tests.cluster.report import Report

_METRICS = "/apis/metrics.k8s.io/v1beta1/namespaces/{}/pods"


def test_every_workload_becomes_ready(release: Release) -> None:
    assert release.unsettled() == []
    kinds = {"api", "worker"}
    services = {component.rsplit("-", 1)[0] for component in release.components() if component.rsplit("-")[-1] in kinds}
    assert services == {"contact", "sales", "cases", "notification", "identity", "insight"}


def test_the_release_tests_itself(release: Release, report: Report) -> None:
    said = release.helm.test()
    report.add("helm test", lines=len(said.splitlines()))


def test_what_each_pod_takes_is_known(release: Release, kubectl: Kubectl, report: Report) -> None:
    if not kubectl.serves("metrics.k8s.io"):
        return
    taken = defaultdict(list)
    for pod in kubectl.raw(_METRICS.format(kubectl.namespace))["items"]:
        if "app.kubernetes.io/component" in pod["metadata"]["labels"]:
            taken[component_of(pod)].append(_taken(pod))
    for component, samples in sorted(taken.items()):
        memory, cpu = (statistics.mean(column) for column in zip(*samples, strict=True))
        report.add(f"idle {component}", memory_mib=memory, cpu_millicores=cpu)


def _taken(pod: Json) -> tuple[float, float]:
    """Memory in MiB and CPU in thousandths of a core."""
    usages = [container["usage"] for container in pod["containers"]]
    return sum(_number(one["memory"]) / 2**20 for one in usages), sum(1000 * _number(one["cpu"]) for one in usages)


def _number(quantity: str) -> float:
    """A Kubernetes quantity as a number."""
    found = re.fullmatch(r"([0-9.]+)(\w*)", quantity)
    assert found is not None, quantity
    return float(found[1]) * _UNITS[found[2]]


_UNITS = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30}
