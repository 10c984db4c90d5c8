"""A new version and changed values go in under load, and out again: nobody notices."""

from __future__ import annotations

from tests.cluster import load
from tests.cluster.images import Tags
from tests.cluster.kubectl import Kubectl
from tests.cluster.release import Release, component_of, name_of
from tests.cluster.report import Report

RATE = 50
ANY_UID = 1234567
"""The user that `values/upgrade.yaml` has everything run as."""
_WHO = "import os; print(os.getuid())"
_SERVERS = ("mongodb", "rabbitmq")


def test_no_request_fails_in_an_upgrade(release: Release, kubectl: Kubectl, tags: Tags, report: Report) -> None:
    with load.running(release, rate=RATE) as running:
        seconds = release.deploy("install", "upgrade", tag=tags.new)
        outcome = running.end()
    report.add("upgrade", seconds=seconds, **outcome.counters)
    assert outcome.lost_nothing()
    assert outcome.failed == 0, outcome.first_failures


def test_every_image_runs_as_any_user(release: Release, kubectl: Kubectl, tags: Tags) -> None:
    ours = [pod for pod in release.pods() if component_of(pod) not in _SERVERS]
    assert all(pod["spec"]["containers"][0]["image"].endswith(f":{tags.new}") for pod in ours)
    users = {name_of(pod): int(kubectl.python(name_of(pod), _WHO)) for pod in ours}
    assert users == dict.fromkeys(users, ANY_UID)


def test_no_request_fails_in_a_rollback(release: Release, kubectl: Kubectl, tags: Tags, report: Report) -> None:
    with load.running(release, rate=RATE) as running:
        release.helm.rollback()
        release.wait_until_settled()
        outcome = running.end()
    report.add("rollback", **outcome.counters)
    assert outcome.lost_nothing()
    assert outcome.failed == 0, outcome.first_failures
