"""Servers die and come back; the workers live on, and nothing is lost or doubled."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cli.local import rabbitmq
from tests.service.bus.stage import Stage, eventually
from tests.service.bus.test_relay import each_once


@contextmanager
def writing(stage: Stage, tenant: str, number: int) -> Iterator[None]:
    """Writes leads meanwhile."""
    writer = threading.Thread(target=stage.create, args=(tenant, "", number))
    writer.start()
    yield
    writer.join()


def test_a_broker_that_is_killed_under_load_costs_nothing_but_time(stage: Stage, tenant: str) -> None:
    broker = stage.servers.rabbitmq
    with writing(stage, tenant, 200):
        time.sleep(0.3)
        broker.kill()
    assert stage.workers["sales"].ask("/livez") == 200, "killing the worker would not bring the broker back"
    eventually(lambda: stage.workers["sales"].ask("/readyz") == 503)
    stage.create(tenant, number=5)
    broker.start()
    broker.await_ready()
    each_once(stage, tenant)
    eventually(lambda: all(stage.workers[service].ask("/readyz") == 200 for service in ("sales", "insight")))


def test_a_database_that_is_killed_under_load_costs_nothing_but_time(stage: Stage, tenant: str) -> None:
    stage.create(tenant, number=50)
    stage.servers.mongodb.kill()
    time.sleep(1.0)
    assert stage.workers["insight"].ask("/livez") == 200
    stage.servers.mongodb.start()
    stage.servers.mongodb.await_ready()
    stage.create(tenant, number=5)
    each_once(stage, tenant)
    assert stage.parked() == [], "an event was blamed for the database's absence"


def test_a_broker_that_blocks_its_publishers_holds_up_the_relay_and_nobody_else(stage: Stage, tenant: str) -> None:
    control(stage, "set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        stage.create(tenant, number=20)
        eventually(lambda: stage.workers["sales"].ask("/readyz") == 503)
        assert stage.workers["sales"].ask("/livez") == 200
    finally:
        control(stage, "set_vm_memory_high_watermark", "0.4")
    each_once(stage, tenant)


def control(stage: Stage, *arguments: str) -> None:
    """Runs rabbitmqctl."""
    launcher = rabbitmq.launcher()
    assert launcher is not None
    subprocess.run(
        [str(launcher.with_name("rabbitmqctl")), *arguments],
        env={**os.environ, **stage.servers.rabbitmq.unit.environment},
        check=True,
        stdout=subprocess.DEVNULL,
    )
