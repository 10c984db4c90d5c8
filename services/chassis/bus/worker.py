"""A service's worker: its relay and its event handlers in one process, under nameko and eventlet.

A service's `worker.py` declares what it does when something happens, and nothing else:

    HANDLERS = Handlers()

    @HANDLERS.handles("lead.created")
    def assign(event: Event, tx: Transaction) -> None: ...

`python -m services.<name> worker` patches the standard library (`green.patch`) and then calls `run`.
A worker never calls gRPC: grpcio and eventlet cannot share a process.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from services.chassis import indexes, logs, memory, migration, mongo, startup, telemetry
from services.chassis.bus.container import Worker, build
from services.chassis.bus.handlers import Handlers
from services.chassis.bus.health import serve
from services.chassis.bus.pulse import Pulse
from services.chassis.resources.records import Record
from services.chassis.settings import Settings
from services.chassis.telemetry.mongo import MongoSpans

_log = logging.getLogger(__name__)


def run(service: str, records: Sequence[Record], handlers: Handlers, settings: Settings) -> None:
    """Runs a worker until SIGTERM or SIGINT.

    The servers it needs may be away at the start and at any time, and its database not be migrated yet: it waits,
    alive and unready, and tries again.

    Raises:
        SettingError: MONGODB_URI or AMQP_URI is not set, or the database would not keep its promises.
        RuntimeError: a handler waits for events that the service's protos do not subscribe to.
        OSError: KITH_LISTEN cannot be listened on.
        SystemExit: with status 1, when the worker died of a mistake of ours.
    """
    logs.start(settings.log_level, service, "worker")
    client = mongo.connect(settings, MongoSpans())
    running = telemetry.start(service, "worker", settings)
    try:
        code = _run(Worker(service, records, handlers), client, settings)
    finally:
        client.close()
        running.shutdown()
    if code:
        sys.exit(code)


def _run(worker: Worker, client: mongo.Client, settings: Settings) -> int:
    stopping, asked = threading.Event(), threading.Event()
    container, pulses = build(worker, client, settings, stopping)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    start = Pulse("start")
    watched = [start]
    health = serve(settings.listen, watched, asked.is_set)
    try:
        database, wanted = client[settings.database(worker.service)], indexes.declared(worker.records)
        if not startup.await_ready(lambda: migration.require(database, wanted), asked, told=start.waiting):
            return 0
        for pulse in pulses:
            pulse.beat()
        watched[:] = pulses
        container.start()
        memory.settle()
        _log.info("the worker runs", extra={"listen": settings.listen})
        return _until_ended(container, asked)
    finally:
        health.shutdown()


def _until_ended(container: Any, asked: threading.Event) -> int:
    """Waits for a signal, or for the container's death, which only a mistake of ours can bring about."""
    died = threading.Event()

    def watch() -> None:
        try:
            container.wait()
        except Exception as error:  # noqa: BLE001 - logged here, then the process ends and is started again
            _log.error("the worker died", exc_info=error)
            died.set()

    threading.Thread(target=watch, name="container", daemon=True).start()
    while not asked.wait(0.5):
        if died.is_set():
            return 1
    _log.info("stopping")
    container.stop()
    return 0
