"""Every event has its effect exactly once, whatever comes in between."""

from __future__ import annotations

import time
import uuid
from typing import Any

import orjson
from kith.sales.v1.lead_pb2 import Lead

from services.chassis.bus import failures, topology
from services.chassis.bus.events import cloud_event, encode
from services.chassis.resources.schema import RecordType
from tests.service.bus.probe import OUTSIDE
from tests.service.bus.stage import Stage, eventually

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def bodies(stage: Stage, tenant: str) -> list[bytes]:
    """The events of a tenant's changes, as they travelled."""
    return [encode(cloud_event(RecordType.of(Lead), change)) for change in stage.changes(tenant)]


def altered(body: bytes, **attributes: Any) -> bytes:
    """An event as new, with some attributes changed; None takes one away."""
    event = orjson.loads(body) | {"id": str(uuid.uuid4())} | attributes
    return orjson.dumps({name: value for name, value in event.items() if value is not None})


def test_a_committed_change_is_handled_once_in_the_trace_that_caused_it(stage: Stage, tenant: str) -> None:
    [lead] = stage.create(tenant, traceparent=TRACEPARENT)
    [note] = stage.await_noted(tenant, 1)
    assert (note["record"], note["key"], note["trace"]) == (lead.name, "lead.created", TRACE)
    assert note["event"] == stage.changes(tenant)[0]["_id"]


def test_an_event_that_comes_five_times_has_one_effect(stage: Stage, tenant: str) -> None:
    stage.create(tenant, number=3)
    stage.await_noted(tenant, 3)
    stage.publish(bodies(stage, tenant) * 5)
    eventually(lambda: stage.waiting(topology.queue("insight")) == 0)
    time.sleep(0.3)
    assert len(stage.notes(tenant)) == 3


def test_copies_that_are_handled_at_the_same_time_have_one_effect(stage: Stage, tenant: str) -> None:
    stage.create(tenant, company="slow")
    stage.publish(bodies(stage, tenant) * 4)
    stage.await_noted(tenant, 1)
    eventually(lambda: stage.waiting(topology.queue("insight")) == 0)
    time.sleep(1.5)
    assert len(stage.notes(tenant)) == 1


def test_the_highest_version_wins_in_whatever_order_events_come(stage: Stage, tenant: str) -> None:
    [lead] = stage.create(tenant, "one")
    stage.update(tenant, lead.name, "two")
    stage.update(tenant, lead.name, "three")
    stage.await_noted(tenant, 3)
    first, second, third = bodies(stage, tenant)
    record = "leads/" + str(uuid.uuid4())
    for body in (third, first, second):
        before = len(stage.notes(tenant))
        stage.publish([altered(body, subject=record)])
        stage.await_noted(tenant, before + 1)
        assert (stage.seen(record) or {})["company"] == "three"


def test_an_update_that_comes_after_the_deletion_does_not_bring_the_record_back(stage: Stage, tenant: str) -> None:
    [lead] = stage.create(tenant, "one")
    stage.update(tenant, lead.name, "two")
    stage.delete(tenant, lead.name)
    stage.await_noted(tenant, 3)
    _, updated, deleted = bodies(stage, tenant)
    record = "leads/" + str(uuid.uuid4())
    for number, body in enumerate((deleted, updated), start=4):
        stage.publish([altered(body, subject=record)])
        stage.await_noted(tenant, number)
    assert (stage.seen(record) or {})["_deleted"] is True


def test_a_handler_that_fails_twice_succeeds_at_the_third_attempt_with_one_effect(stage: Stage, tenant: str) -> None:
    stage.create(tenant, "fail twice")
    [note] = stage.await_noted(tenant, 1)
    assert note["attempt"] == 3


def test_an_event_that_always_fails_is_parked_with_its_reason_while_others_flow_on(stage: Stage, tenant: str) -> None:
    stage.parked()
    stage.create(tenant, "always fail", number=10)
    began = time.monotonic()
    stage.create(tenant, number=10)
    stage.await_noted(tenant, 10)
    assert time.monotonic() - began < 2, "poison held up the others"
    headers = stage.await_parked(10)[0].properties["application_headers"]
    assert headers[failures.ATTEMPT] == 4  # the first and three more
    assert headers[failures.REASON] == "Broken: <mail> has '…'"
    assert headers[failures.FIRST_FAILURE] < headers[failures.LAST_FAILURE]
    assert "in note" in headers[failures.TRACEBACK]
    assert "somebody" not in headers[failures.TRACEBACK]
    assert {note["attempt"] for note in stage.notes(tenant)} == {1}, "a failed attempt left something behind"


def test_what_is_no_event_of_ours_is_parked_at_once_while_others_flow_on(stage: Stage, tenant: str) -> None:
    stage.parked()
    stage.create(tenant)
    stage.await_noted(tenant, 1)
    [good] = bodies(stage, tenant)
    garbage = [
        b"{not json",
        b"\xff\xfe\x00",
        b"[]",
        b"[" * 100_000,
        altered(good, tenant=None),
        altered(good, tenant=""),
        altered(good, type="kith.sales.v9.lead.created"),
        altered(good, specversion="9"),
        altered(good, data="text"),
        altered(good, time="yesterday"),
    ]
    stage.publish([*garbage, altered(good)], content_type="application/json")
    stage.await_noted(tenant, 2)
    found = stage.await_parked(len(garbage))
    reasons = {message.properties["application_headers"][failures.REASON] for message in found}
    assert "Undecodable: the body is not JSON" in reasons
    assert "Undecodable: attribute tenant is missing or of the wrong type" in reasons
    assert sorted(bytes(message.body) for message in found) == sorted(garbage)


def test_events_that_no_handler_wants_are_taken_from_the_queue(stage: Stage, tenant: str) -> None:
    stage.create(tenant, number=5)
    stage.await_noted(tenant, 5)
    eventually(lambda: stage.waiting(topology.queue("sales")) == 0)


def test_an_effect_outside_of_the_database_needs_no_transaction(stage: Stage, tenant: str) -> None:
    [lead] = stage.create(tenant)
    stage.delete(tenant, lead.name)
    deleted = stage.changes(tenant)[1]["_id"]
    entry = eventually(lambda: stage.insight[OUTSIDE].find_one({"_id": deleted}))
    assert entry["times"] == 1


def test_a_worker_that_dies_while_it_handles_leaves_the_event_to_its_successor(stage: Stage, tenant: str) -> None:
    stage.create(tenant, "die")
    stage.workers["insight"].process.wait(15)
    stage.ensure("insight")
    stage.await_noted(tenant, 1)
    time.sleep(0.3)
    assert len(stage.notes(tenant)) == 1
