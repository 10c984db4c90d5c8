"""Runs the api of a service: the gRPC server in front of its store."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from kith.type.v1 import platform_service_pb2

from services.chassis import indexes, logs, memory, migration, mongo, startup, telemetry
from services.chassis.health import Health
from services.chassis.identity import RemoteIdentity
from services.chassis.peers import Peers
from services.chassis.platform import Platform
from services.chassis.principal import Verifier
from services.chassis.resources.methods import Method, StandardMethods
from services.chassis.resources.references import References
from services.chassis.server import Server, bind
from services.chassis.service import Engine, Service
from services.chassis.settings import Settings
from services.chassis.telemetry.mongo import MongoSpans

_log = logging.getLogger(__name__)


def run(service: Service, settings: Settings, verifier: Verifier | None = None) -> None:
    """Serves until SIGTERM or SIGINT; then serves on, unready, for `drain_seconds`, and lets running calls end.

    It comes up alive and unready, and waits for its database and for identity's keys as long as that takes.

    Raises:
        SettingError: a setting is wrong, or the database would not keep its promises.
        RuntimeError: the address is taken.
    """
    logs.start(settings.log_level, service.name, "api")
    stopped = _stop_signal()
    with ExitStack() as stack:
        probes = Health(settings.health_listen)
        stack.callback(probes.stop)
        stack.callback(telemetry.start(service.name, "api", settings).shutdown)
        client = stack.enter_context(mongo.connect(settings, MongoSpans()))
        engine = Engine(settings, service.store(client, settings), Peers(settings))
        stack.callback(engine.peers.close)
        identity = None if verifier else RemoteIdentity(settings.peer("identity"), settings.tls)
        if identity is not None:
            identity.start()
            stack.callback(identity.close)
            verifier = identity.verifier()
        assert verifier is not None
        server = Server(methods(service, engine), verifier, settings.threads, settings)
        wanted = indexes.declared(service.records)
        if not startup.await_ready(lambda: migration.require(engine.store.database, wanted), stopped):
            return
        stack.callback(server.stop)
        port = server.start(settings.listen)
        memory.settle()
        _wait_for_keys(identity, stopped)
        server.announce()
        probes.ready()
        _log.info("serving", extra={"port": port})
        stopped.wait()
        _drain(server, probes, settings.drain_seconds)


def methods(service: Service, engine: Engine) -> Mapping[ServiceDescriptor, Mapping[str, Method]]:
    """All methods of a service by gRPC service: standard ones for its records, its own, and the platform's."""
    references = References(engine.store, service.name, engine.peers)
    custom = service.custom(engine)
    by_service_name = {f"{record.message.DESCRIPTOR.name}Service": record for record in service.records}
    found: dict[ServiceDescriptor, dict[str, Method]] = {}
    for descriptor in service.descriptors():
        standard: dict[str, Method] = {}
        record = by_service_name.get(descriptor.name)
        if record is not None:
            standard = StandardMethods(engine.store, record, references, descriptor).by_name()
        found[descriptor] = bind(descriptor, standard, custom.get(descriptor.name))
    platform: Any = Platform(engine.store)
    shared = platform_service_pb2.DESCRIPTOR.services_by_name["PlatformService"]
    return {**found, shared: bind(shared, {}, platform)}


def _stop_signal() -> threading.Event:
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


def _wait_for_keys(identity: RemoteIdentity | None, stopped: threading.Event) -> None:
    """Nobody can be admitted before identity's keys are known, so nobody is sent here before."""
    while identity is not None and not identity.keys.known() and not stopped.wait(0.05):
        pass


def _drain(server: Server, probes: Health, seconds: float) -> None:
    """Callers take a while to hear that they shall go elsewhere: until then they are served."""
    probes.unready()
    server.withdraw()
    if seconds:
        _log.info("draining", extra={"seconds": seconds})
        time.sleep(seconds)
