"""Uninstalling leaves what the values say to keep, and nothing else."""

from __future__ import annotations

from tests.cluster.command import run
from tests.cluster.kubectl import Kubectl
from tests.cluster.release import NAME, Release
from tests.cluster.report import Report
from tests.cluster.waiting import until

KEPT = {f"secrets/{NAME}-signing-keys", f"secrets/{NAME}-admin"}
"""Made by the chart's Job and not by Helm: who installs again finds the same keys and password."""
_OF_THE_NAMESPACE = {"configmaps/kube-root-ca.crt", "serviceaccounts/default"}
_FLEETING = ("events", "events.events.k8s.io", "pods.metrics.k8s.io")


def test_uninstalling_leaves_the_secrets_that_are_to_be_kept(
    release: Release, kubectl: Kubectl, report: Report
) -> None:
    said = release.helm.uninstall()
    until(lambda: not _pods(kubectl), seconds=90, what="the end of the last pod")
    left = _everything(kubectl)
    report.add("uninstall", left=sorted(left), said=said.strip().splitlines()[-1:])
    assert left == KEPT


def _pods(kubectl: Kubectl) -> set[str]:
    return {name for name in _everything(kubectl) if name.startswith("pods/")}


def _everything(kubectl: Kubectl) -> set[str]:
    """Every object of the namespace that Kubernetes did not put there by itself, as kind/name."""
    kinds = run("kubectl", "api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
    wanted = ",".join(kind for kind in kinds if kind not in _FLEETING)
    found = kubectl("get", wanted, "-o", 'jsonpath={range .items[*]}{.kind}/{.metadata.name}{"\\n"}{end}').split()
    return {_plural(name) for name in found} - _OF_THE_NAMESPACE


def _plural(name: str) -> str:
    kind, _, rest = name.partition("/")
    return f"{kind.lower()}s/{rest}"
