"""A worker says how it is, and ends in order."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

from services.chassis.bus import topology
from services.chassis.bus.connection import connect
from tests.service.bus.stage import Stage, eventually


def test_a_worker_that_is_asked_to_end_finishes_what_it_handles(stage: Stage, tenant: str) -> None:
    worker = stage.workers["insight"]
    stage.create(tenant, "slow", number=4)
    time.sleep(0.4)
    assert worker.stop() == 0
    assert len(stage.notes(tenant)) == 4
    assert stage.waiting(topology.queue("insight")) == 0
    assert "Traceback" not in worker.log.read_text()


def test_a_queue_that_stands_with_other_arguments_makes_a_worker_unready(stage: Stage) -> None:
    assert stage.workers["insight"].stop() == 0
    assert stage.workers["sales"].stop() == 0
    name = topology.retry_queue("notification", 3)
    with connect(stage.servers.amqp_uri, "test") as connection:
        channel = connection.channel()
        channel.queue_delete(name)
        channel.queue_declare(name, durable=True, auto_delete=False)
    try:
        worker = stage.start("insight")
        eventually(lambda: worker.ask("/livez") == 200)
        assert worker.ask("/readyz") == 503
        eventually(lambda: "PRECONDITION_FAILED" in worker.log.read_text())
        worker.kill()
    finally:
        with connect(stage.servers.amqp_uri, "test") as connection:
            connection.channel().queue_delete(name)


def test_a_worker_tells_nobody_the_brokers_password(stage: Stage) -> None:
    worker = stage.start("identity", AMQP_URI=stage.servers.amqp_uri.replace("guest:guest", "guest:hunter2"))
    eventually(lambda: "not relaying" in worker.log.read_text())
    worker.kill()
    assert "hunter2" not in worker.log.read_text()


def test_an_idle_worker_is_small(stage: Stage) -> None:
    pid = stage.workers["insight"].process.pid
    megabytes = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6
    assert megabytes < 80


def test_a_worker_forgets_request_ids_after_seven_days_and_keeps_the_changes(stage: Stage, tenant: str) -> None:
    changes = stage.sales.database["changes"]
    long_ago = datetime.datetime(2020, 1, 1)
    stage.create(tenant, "old")
    changes.update_many({"tenant": tenant}, {"$set": {"request": {"key": f"{tenant} old"}, "time": long_ago}})
    assert stage.workers["sales"].stop() == 0
    stage.start("sales")
    eventually(lambda: changes.count_documents({"tenant": tenant, "request": {"$exists": True}}) == 0)
    assert changes.count_documents({"tenant": tenant}) == 1
