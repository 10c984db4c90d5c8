"""A customer's story from outside of the cluster, and the one trace that leads through all of its pods."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from functools import partial

import httpx
import pytest

from cli.check import mails
from cli.check.api import Api
from cli.check.effects import Effects
from cli.check.story import Story
from cli.check.stream import EventStream
from tests.cluster import customer
from tests.cluster.kubectl import Json
from tests.cluster.release import Release, name_of
from tests.cluster.report import Report
from tests.cluster.waiting import until

PATH = ("gateway", "sales-api", "sales-worker", "notification-worker", "insight-worker")
"""The workloads that a new lead leads through, in this order."""


@pytest.fixture(scope="module")
def api(release: Release) -> Iterator[Api]:
    with customer.admitted(release) as api:
        yield api


def test_a_customers_story_comes_true_from_lead_to_solved_case(release: Release, api: Api, report: Report) -> None:
    mailbox = release.kubectl.forward(release.service("mailbox"), 8080)
    with mailbox as url, EventStream(api.gateway, api.api_key) as stream:
        story = Story(api, mails.mailbox(url))
        steps = [*story.steps(), *Effects(story, stream).steps()]
        for step in steps:
            step()
        story.clear_up()
    report.add("customer's story", steps=len(steps), writes=len(api.ledger.writes), repeats=api.ledger.repeats)
    assert not [remark for remark in story.remarks if "no mail" in remark]


def test_one_trace_leads_through_all_pods(release: Release, api: Api, report: Report) -> None:
    mark = uuid.uuid4().hex[:6]
    lead = {"familyName": f"Traced {mark}", "email": f"{mark}@example.com", "company": f"Traces {mark}"}
    api.post("leads", lead, key=mark)
    with release.kubectl.forward(release.service("viewer"), 8080) as viewer:
        ask = partial(_pods_on_the_path, viewer, api.trace_id)
        pods = until(ask, seconds=40, what=f"trace {api.trace_id} through {', '.join(PATH)}")
    report.add("one trace", pods=pods)
    assert len(set(pods.values())) == len(PATH)
    assert set(pods.values()) <= {name_of(pod) for pod in release.pods()}


def _pods_on_the_path(viewer: str, trace_id: str) -> dict[str, str] | None:
    """Workload → the pod that had a span of the trace, once all of them have."""
    response = httpx.get(f"{viewer}/api/traces/{trace_id}", timeout=10)
    spans: list[Json] = response.json()["rows"] if response.is_success else []
    pods = {span["service"].removeprefix("kith-"): span["pod"] for span in spans}
    return {workload: pods[workload] for workload in PATH} if pods.keys() >= set(PATH) else None
