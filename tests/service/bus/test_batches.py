"""Events that wait are handled together, and nobody can tell but by the cost."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.chassis.bus import failures, inbox, topology
from tests.service.bus.probe import NOTES
from tests.service.bus.stage import Stage, a_tenant, eventually
from tests.service.bus.test_delivery import altered, bodies


@contextmanager
def queued(stage: Stage) -> Iterator[None]:
    """What is published meanwhile waits for insight's worker, and meets it all at once."""
    assert stage.workers["insight"].stop() == 0
    yield
    stage.ensure("insight")


def a_body(stage: Stage, tenant: str) -> bytes:
    """An event of a new lead, noted already."""
    stage.create(tenant)
    stage.await_noted(tenant, 1)
    [body] = bodies(stage, tenant)
    return body


def asking(body: bytes, company: str) -> bytes:
    """The same event as new, of another lead that asks something of its handler."""
    record = "leads/" + str(uuid.uuid4())
    lead = {"name": record, "etag": "1", "familyName": "Test", "company": company}
    return altered(body, subject=record, data={"record": lead, "changes": []})


def await_settled(stage: Stage) -> None:
    """Waits until nothing is in insight's queue: the worker has ended in order, and left nothing."""
    assert stage.workers["insight"].stop() == 0
    assert stage.waiting(topology.queue("insight")) == 0
    stage.ensure("insight")


def test_five_hundred_events_at_once_have_their_effects_once_and_share_transactions(stage: Stage, tenant: str) -> None:
    body = a_body(stage, tenant)
    with queued(stage):
        stage.publish([asking(body, "") for _ in range(500)])
    notes = stage.await_noted(tenant, 501, seconds=60)
    await_settled(stage)
    events = [note["event"] for note in notes]
    assert len(set(events)) == len(events) == len(stage.notes(tenant)) == 501
    entries = list(stage.insight[inbox.COLLECTION].find({"_id": {"$in": events}}))
    assert len(entries) == 501
    assert len({entry["time"] for entry in entries}) < 250, "one transaction has one time: they were not together"


def test_events_of_several_tenants_stay_apart(stage: Stage, tenant: str) -> None:
    body = a_body(stage, tenant)
    tenants = [a_tenant() for _ in range(3)]
    with queued(stage):
        stage.publish([altered(asking(body, ""), tenant=tenants[number % 3]) for number in range(60)])
    for one in tenants:
        stage.await_noted(one, 20)
    together = Counter[object]()
    for note in stage.insight[NOTES].find({"tenant": {"$in": tenants}}):
        assert note["transaction_tenant"] == note["tenant"]
        together[note["transaction"]] += 1
    assert max(together.values()) > 1


def test_a_poison_in_the_middle_is_parked_and_the_others_have_their_effects_at_the_first_attempt(
    stage: Stage, tenant: str
) -> None:
    stage.parked()
    body = a_body(stage, tenant)
    with queued(stage):
        stage.publish([asking(body, "always fail" if number % 16 == 7 else "") for number in range(48)])
    notes = stage.await_noted(tenant, 1 + 45)
    parked = stage.await_parked(3)
    assert {note["attempt"] for note in notes} == {1}
    assert {message.properties["application_headers"][failures.ATTEMPT] for message in parked} == {4}
    assert len(stage.notes(tenant)) == 46


def test_a_duplicate_in_the_middle_has_no_second_effect_and_holds_nobody_up(stage: Stage, tenant: str) -> None:
    body = a_body(stage, tenant)
    fresh = [asking(body, "") for _ in range(30)]
    with queued(stage):
        # One that was handled long ago, and one that comes twice in the same batch.
        stage.publish([*fresh[:10], body, *fresh[10:20], fresh[3], *fresh[20:]])
    stage.await_noted(tenant, 31)
    await_settled(stage)
    assert len(stage.notes(tenant)) == 31
    assert stage.parked() == []


def test_a_worker_that_dies_before_the_commit_leaves_all_of_them_to_its_successor(
    stage: Stage, tenant: str, bus_home: Path
) -> None:
    body = a_body(stage, tenant)
    died = bus_home / "died"
    died.unlink(missing_ok=True)
    with queued(stage):
        stage.publish([asking(body, "die" if number == 20 else "") for number in range(40)])
        worker = stage.start("insight")
        worker.process.wait(30)
        assert len(stage.notes(tenant)) < 41
    stage.await_noted(tenant, 41, seconds=30)
    await_settled(stage)
    assert len(stage.notes(tenant)) == 41
    died.unlink()  # the next one that is asked to die does so


def test_each_event_is_handled_in_its_own_trace(stage: Stage, tenant: str) -> None:
    body = a_body(stage, tenant)
    traces = [uuid.uuid4().hex for _ in range(40)]
    with queued(stage):
        stage.publish([altered(asking(body, ""), traceparent=f"00-{trace}-b7ad6b7169203331-01") for trace in traces])
    notes = stage.await_noted(tenant, 41)
    eventually(lambda: {note["trace"] for note in stage.notes(tenant)} >= set(traces))
    for note in notes:
        assert note["author_trace"].split("-")[1] == note["trace"], "its changes would belong to another trace"
        assert note["author"] == "services/insight"
    assert len({note["transaction"] for note in notes}) < len(notes), "they were not together"
