"""Kith grows with its work and shrinks again: apis on their CPU time, workers on the length of their queue."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from cli.check.api import Api
from tests.cluster import customer, load
from tests.cluster.images import Tags
from tests.cluster.kubectl import Kubectl
from tests.cluster.release import Release
from tests.cluster.report import Report
from tests.cluster.waiting import until

API, WORKER = "contact-api", "insight-worker"
MOST_PODS = 3
_WINDOW_SECONDS = 15.0
CONTACTS = 12_000


@pytest.fixture(scope="module", autouse=True)
def _elastic(release: Release, kubectl: Kubectl, tags: Tags) -> Iterator[None]:
    """The installation with both scalers in this file's tests."""
    layers = ["install", "autoscaling"]
    if kubectl.serves("keda.sh"):
        layers.append("keda")
    release.deploy(*layers, tag=tags.old)
    yield
    release.deploy("install", tag=tags.old)


def test_an_api_grows_to_three_under_load_that_spreads_evenly_and_shrinks_again(
    release: Release, kubectl: Kubectl, report: Report
) -> None:
    if not kubectl.serves("metrics.k8s.io"):
        pytest.skip("the cluster serves no CPU metrics (metrics.k8s.io), which autoscaling on CPU needs")
    until(lambda: _size(release, API) == 1, seconds=120, what=f"one {API} at rest")
    begun = time.monotonic()
    with load.running(release, "--mix", "create=1,get=9", rate=80) as running:
        until(lambda: _size(release, API) == MOST_PODS, seconds=180, what=f"{MOST_PODS} pods of {API}")
        grown = time.monotonic() - begun
        shares = until(lambda: _even_shares(release), seconds=120, what="a load spread within ±10 %")
        outcome = running.end()
    ended = time.monotonic()
    report.add("spread over three pods", calls=shares, off_by_percent=100 * _off(shares), **outcome.counters)
    assert outcome.lost_nothing()
    until(lambda: _size(release, API) == 1, seconds=240, what=f"one {API} again", pause_seconds=3)
    report.add("autoscaling on CPU", seconds_to_grow=grown, seconds_to_shrink=time.monotonic() - ended)


def test_a_worker_grows_with_its_queue_and_handles_each_event_once(
    release: Release, kubectl: Kubectl, report: Report
) -> None:
    if not kubectl.serves("keda.sh"):
        pytest.skip("the cluster has no KEDA (keda.sh)")
    with customer.admitted(release) as api:
        begun = time.monotonic()
        contacts = _fill(api)
        most = _most_pods(release, seconds=90)
        until(lambda: contacts <= _handled(api).keys(), seconds=240, what="every event's handling", pause_seconds=5)
        seconds = time.monotonic() - begun
        handled = _handled(api)
    lost, twice = len(contacts - handled.keys()), sum(handled[contact] - 1 for contact in contacts)
    counters = {
        "attempted": len(contacts),
        "acknowledged": len(contacts),
        "lost": lost,
        "duplicated": twice,
        "failed": 0,
    }
    report.add("scaling on the queue", most_pods=most, seconds=seconds, **counters)
    assert (lost, twice) == (0, 0)
    assert most > 1
    until(lambda: _size(release, WORKER) == 1, seconds=240, what=f"one {WORKER} again", pause_seconds=3)


def _size(release: Release, component: str) -> int:
    return len(release.names(component))


def _most_pods(release: Release, seconds: float) -> int:
    """How many workers there were at most, as soon as there were as many as may be, or else after so long."""
    most, deadline = 1, time.monotonic() + seconds
    while most < MOST_PODS and time.monotonic() < deadline:
        most = max(most, _size(release, WORKER))
        time.sleep(1)
    return most


def _fill(api: Api) -> set[str]:
    """Creates many contacts, faster than one worker handles their events; the contacts' names."""
    people = [{"givenName": "Ada", "familyName": f"Lovelace {number}"} for number in range(CONTACTS)]
    return {contact["name"] for contact in api.batch_create("contacts", "contact", people, key="elastic")}


def _handled(api: Api) -> Counter[str]:
    """For each contact: how often its creation stands in insight."""
    entries = api.all("timelineEntries", filter='kind = "contact" AND verb = "created"')
    return Counter(entry["record"] for entry in entries)


def _even_shares(release: Release) -> dict[str, int] | None:
    """How many calls each of the three pods answered in the last seconds, if they were within ±10 % of their mean."""
    before = release.calls(API)
    time.sleep(_WINDOW_SECONDS)
    after = release.calls(API)
    shares = {pod: after[pod] - before[pod] for pod in after if pod in before}
    return shares if len(shares) == MOST_PODS and _off(shares) <= 0.10 else None


def _off(shares: dict[str, int]) -> float:
    """How far the farthest is from the mean, as a share of it; 1 when there is nothing to share."""
    mean = sum(shares.values()) / len(shares)
    return max(abs(share - mean) for share in shares.values()) / mean if mean else 1.0
