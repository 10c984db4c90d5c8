"""A service's worker: its relay and its event handlers in one process, under nameko and eventlet.

A service's `worker.py` declares what it does when something happens, and nothing else:

    HANDLERS = Handlers()

    @HANDLERS.handles("lead.created")
    def assign(event: Event, tx: Transaction) -> None: ...

and its `__main__.py` starts the process; what it imports must be imported after `patch()`, hence the function:

    def load() -> Worker:
        from services.sales.records import RECORDS
        from services.sales.worker import HANDLERS
        return Worker("sales", RECORDS, HANDLERS)

    sys.exit(run_worker(settings, load))

A worker never calls gRPC: grpcio and eventlet cannot share a process.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.chassis.settings import Settings

if TYPE_CHECKING:
    from services.chassis.bus.handlers import Handlers
    from services.chassis.mongo import Client
    from services.chassis.resources.records import Record

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker is made of: the service's name, its records (whose Changes it relays) and its handlers."""

    service: str
    records: Sequence[Record]
    handlers: Handlers


def patch() -> None:
    """Makes the standard library green. Call it before anything else is imported; again is harmless."""
    # Eventlet's own resolver costs 21 MB of memory. The system's one blocks all green threads while it looks up
    # a name, which happens only when a connection is opened.
    os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it announces its own end; nameko needs it all the same
        import eventlet
    eventlet.monkey_patch()


def run_worker(settings: Settings, load: Callable[[], Worker]) -> int:
    """Runs a worker until SIGTERM or SIGINT; returns the process's exit code.

    Everything it waits for (MongoDB, RabbitMQ) may be away at the start and at any time: it waits and tries again.

    Raises:
        SettingError: MONGODB_URI or AMQP_URI is not set.
        OSError: KITH_LISTEN cannot be listened on.
    """
    patch()
    from services.chassis import logs, mongo, telemetry

    worker = load()
    logs.start(settings.log_level, worker.service, "worker")
    running = telemetry.start(worker.service, "worker", settings)
    client = mongo.connect(settings)
    try:
        return _run(settings, worker, client)
    finally:
        client.close()
        running.shutdown()


def _run(settings: Settings, worker: Worker, client: Client) -> int:
    from services.chassis.bus.container import build
    from services.chassis.bus.health import serve

    stopping = threading.Event()
    asked = threading.Event()
    container, pulses = build(settings, worker, client, stopping)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    health = serve(settings.listen, pulses, stopping.is_set)
    container.start()
    _log.info("the worker runs", extra={"listen": settings.listen})
    try:
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
