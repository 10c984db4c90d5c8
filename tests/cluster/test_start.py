"""A pod is ready soon after it was made."""

from __future__ import annotations

import statistics
import time

import pytest

from tests.cluster.kubectl import Kubectl
from tests.cluster.release import COMPONENT, INSTANCE, Release
from tests.cluster.report import Report
from tests.cluster.waiting import until

GOAL_SECONDS = 3.0
_PATIENCE_SECONDS = 60.0
_COLUMNS = '{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}'


def test_pods_of_every_kind_are_ready_soon_after_they_were_made(
    release: Release, kubectl: Kubectl, report: Report
) -> None:
    kinds = ["gateway", "contact-api", "identity-api", "contact-worker", "insight-worker"]
    seconds = {component: _seconds_until_ready(release, kubectl, component) for component in kinds}
    median = statistics.median(seconds.values())
    report.add("pod ready", median_seconds=median, goal_seconds=GOAL_SECONDS, seconds=seconds)
    assert median < 5 * GOAL_SECONDS, "far from the goal, whatever else the machine does"


def _seconds_until_ready(release: Release, kubectl: Kubectl, component: str) -> float:
    known = {pod["metadata"]["name"] for pod in release.pods(component)}
    made: dict[str, float] = {}
    ready: dict[str, float] = {}

    def saw(line: str) -> None:
        name, _, state = line.partition(" ")
        if name not in known:
            made.setdefault(name, time.monotonic())
            if state == "True":
                ready.setdefault(name, time.monotonic())

    with kubectl.watch("pods", saw, f"{INSTANCE},{COMPONENT}={component}", _COLUMNS):
        kubectl.delete("pod", release.names(component)[0], "--wait=false")
        name = until(lambda: next(iter(ready), None), seconds=_PATIENCE_SECONDS, what=f"another {component}")
    release.wait_until_settled()
    return ready[name] - made[name]


@pytest.fixture(autouse=True)
def _quiet(release: Release) -> None:
    release.wait_until_settled()
