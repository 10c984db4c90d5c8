"""Pods of every kind die under load, the servers too: what was acknowledged stays, and happens once."""

from __future__ import annotations

import time

from tests.cluster import load
from tests.cluster.release import Release, name_of
from tests.cluster.report import Report

_PAUSE_SECONDS = 3.0


def test_nothing_is_lost_when_a_pod_of_every_kind_is_killed(release: Release, report: Report) -> None:
    kinds = release.components()
    with load.running(release, "--retry-seconds", "90", rate=20) as running:
        for kind in kinds:
            release.kill(name_of(release.pods(kind)[0]))
            time.sleep(_PAUSE_SECONDS)
        release.wait_until_settled()
        outcome = running.end()
    report.add("kill a pod of every kind", killed=len(kinds), **outcome.counters)
    assert outcome.lost_nothing()
