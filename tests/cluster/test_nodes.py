"""A node is emptied, and another time lost, under load: what was acknowledged stays, and happens once."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from tests.cluster import load
from tests.cluster.command import CommandFailed, run
from tests.cluster.kubectl import Kubectl
from tests.cluster.release import INSTANCE, Release, component_of, name_of
from tests.cluster.report import Report

_SECONDS_WITHOUT_THE_NODE = 30.0
_PATIENCE_SECONDS = 400.0  # a node that was full of pods first looks at what is left of them


@pytest.fixture
def node(release: Release) -> str:
    """A node that does not hold the data."""
    others = release.other_nodes()
    if not others:
        pytest.skip("the cluster has one node only")
    return others[0]


@pytest.fixture
def drained(release: Release, kubectl: Kubectl, node: str) -> Iterator[str]:
    """The node; it takes pods again afterwards."""
    yield node
    run("kubectl", "uncordon", node)
    release.wait_until_settled()


def test_a_drained_node_leaves_enough_of_everything(
    release: Release, kubectl: Kubectl, drained: str, report: Report
) -> None:
    with _Budgets(kubectl) as budgets, load.running(release, "--retry-seconds", "30", rate=30) as running:
        begun = time.monotonic()
        # Only Kith's pods: a small cluster has one pod for its DNS, without which nobody finds anybody.
        options = ("--pod-selector", INSTANCE, "--ignore-daemonsets", "--delete-emptydir-data")
        run("kubectl", "drain", drained, *options, timeout_seconds=300)
        seconds = time.monotonic() - begun
        release.wait_until_settled()
        outcome = running.end()
    report.add("drain a node", seconds=seconds, budgets_broken=len(budgets.broken), **outcome.counters)
    assert outcome.lost_nothing()
    assert not budgets.broken


@pytest.fixture
def power(release: Release, kubectl: Kubectl, node: str) -> Iterator[str]:
    """The node whose power can be cut, with half of what serves on it; it is back afterwards."""
    if "NODE_STOP" not in os.environ or "NODE_START" not in os.environ:
        pytest.skip("NODE_STOP and NODE_START do not say how a node is lost and brought back")
    # After a drain everything stands on the other nodes, and pods do not move by themselves.
    run("kubectl", "--namespace", kubectl.namespace, "rollout", "restart", "deployment", "--selector", INSTANCE)
    release.wait_until_settled()
    yield node
    _power_on(kubectl, node)


def test_nothing_is_lost_when_a_node_is_lost_and_comes_back(
    release: Release, kubectl: Kubectl, power: str, report: Report
) -> None:
    lost = {component_of(pod) for pod in release.pods() if pod["spec"]["nodeName"] == power}
    assert {"gateway", "contact-api"} <= lost, "there is nothing to lose on that node"
    with load.running(release, "--retry-seconds", "120", rate=20) as running:
        _switch("NODE_STOP", power)
        kubectl.until("node", power, "condition=Ready=unknown", 180)
        time.sleep(_SECONDS_WITHOUT_THE_NODE)
        _power_on(kubectl, power)
        release.wait_until_settled()
        outcome = running.end()
    report.add("lose a node", components_lost=len(lost), **outcome.counters)
    assert outcome.lost_nothing()


def _switch(name: str, node: str) -> None:
    run(*shlex.split(os.environ[name]), node, timeout_seconds=240)


def _power_on(kubectl: Kubectl, node: str) -> None:
    """Has the node back; one that does not come up is switched off and on again, as one does."""
    try:
        _switch("NODE_START", node)
    except CommandFailed:
        _switch("NODE_STOP", node)
        _switch("NODE_START", node)
    kubectl.until("node", node, "condition=Ready", _PATIENCE_SECONDS)


class _Budgets:
    """Looks at the PodDisruptionBudgets all the time; `broken` names those that were not held."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._over = Event()
        self._thread = Thread(target=self._look, daemon=True)
        self.broken: set[str] = set()

    def __enter__(self) -> _Budgets:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(1.0):
            for budget in self._kubectl.items("poddisruptionbudgets", INSTANCE):
                status = budget["status"]
                if status["currentHealthy"] < status["desiredHealthy"]:
                    self.broken.add(name_of(budget))
