"""Nothing that was committed is lost on its way to the broker, and one relay at a time sends it."""

from __future__ import annotations

import threading
import time

from services.chassis import lease
from services.chassis.bus import progress, topology
from services.chassis.bus.connection import connect
from tests.service.bus.stage import Stage, eventually


def each_once(stage: Stage, tenant: str) -> None:
    """Every change of the tenant was noted, none twice."""
    expected = [change["_id"] for change in stage.changes(tenant)]
    stage.await_noted(tenant, len(expected), seconds=30)
    assert sorted(note["event"] for note in stage.notes(tenant)) == sorted(expected)


def test_events_wait_for_a_consumer_that_was_not_there_when_they_were_published(stage: Stage, tenant: str) -> None:
    stage.workers["insight"].kill()
    stage.create(tenant, number=5)
    eventually(lambda: stage.waiting(topology.queue("insight")) == 5)
    stage.ensure("insight")
    each_once(stage, tenant)


def test_an_event_without_a_queue_is_sent_again_until_there_is_one(stage: Stage, tenant: str) -> None:
    [lead] = stage.create(tenant)
    each_once(stage, tenant)
    assert stage.workers["insight"].stop() == 0
    with connect(stage.servers.amqp_uri, "test") as connection:
        connection.channel().queue_delete(topology.queue("insight"))
    stage.update(tenant, lead.name, "heard by insight only")
    stage.ensure("insight")
    each_once(stage, tenant)


def test_a_relay_that_is_killed_while_it_sends_loses_and_doubles_nothing(stage: Stage, tenant: str) -> None:
    writer = threading.Thread(target=stage.create, args=(tenant, "", 150))
    writer.start()
    for _ in range(2):
        time.sleep(0.3)
        stage.workers["sales"].kill()
        stage.ensure("sales")
    writer.join()
    each_once(stage, tenant)


def test_a_relay_that_goes_back_repeats_events_without_effect(stage: Stage, tenant: str) -> None:
    stage.create(tenant, number=5)
    each_once(stage, tenant)
    saved = stage.sales.database[progress.COLLECTION].find_one({})
    stage.create(tenant, number=5)
    each_once(stage, tenant)
    stage.workers["sales"].kill()
    stage.sales.database[progress.COLLECTION].replace_one({}, saved or {})
    stage.ensure("sales")
    stage.create(tenant, number=1)
    each_once(stage, tenant)


def test_a_relay_whose_resume_token_is_too_old_reads_the_log(stage: Stage, tenant: str) -> None:
    stage.create(tenant)
    each_once(stage, tenant)
    stage.workers["sales"].kill()
    stage.create(tenant, number=5)
    forgotten = {"_data": "8263000000000000012B0229296E04"}  # a position that this oplog never had
    stage.sales.database[progress.COLLECTION].update_one({}, {"$set": {"token": forgotten}})
    stage.ensure("sales")
    stage.create(tenant)
    each_once(stage, tenant)


def test_a_relay_without_any_memory_reads_the_whole_log(stage: Stage, tenant: str) -> None:
    stage.workers["sales"].kill()
    stage.create(tenant, number=5)
    stage.sales.database[progress.COLLECTION].delete_many({})
    stage.ensure("sales")
    each_once(stage, tenant)


def test_of_two_relays_one_holds_the_lease_and_the_other_follows_it(stage: Stage, tenant: str) -> None:
    leases = stage.sales.database[lease.COLLECTION]
    before = (leases.find_one({}) or {})["holder"]
    second = stage.start("sales")
    second.await_ready()
    assert (leases.find_one({}) or {})["holder"] == before
    assert stage.workers["sales"].stop() == 0
    assert (leases.find_one({}) or {})["holder"] != before, "it is given back at the end"
    stage.create(tenant)
    each_once(stage, tenant)
    stage.ensure("sales")
    epoch = (leases.find_one({}) or {})["epoch"]
    second.kill()
    stage.create(tenant)
    each_once(stage, tenant)
    assert (leases.find_one({}) or {})["epoch"] == epoch + 1, "the other one follows"
