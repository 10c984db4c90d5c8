"""A MongoDB that these tests may stop and start, and processes that live with it."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.local import mongodb
from cli.local.ports import Ports
from services.chassis import mongo
from services.chassis.mongo import Client
from services.chassis.settings import Settings
from services.identity import signing
from tests.service.bus.servers import Server
from tests.service.startup.processes import Process, address

Start = Callable[..., Process]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("startup")


@pytest.fixture(scope="session")
def ports(home: Path) -> Ports:
    return Ports(home / "ports.json")


@pytest.fixture(scope="session")
def _server(home: Path, ports: Ports) -> Iterator[Server]:
    server = Server(mongodb.unit(home, ports.take("mongodb")), home / "mongodb.log")
    server.start()
    server.await_ready()
    yield server
    server.kill()


@pytest.fixture
def database_server(_server: Server) -> Iterator[Server]:
    """MongoDB, running; whatever a test does to it, it runs again afterwards."""
    yield _server
    if not _server.unit.ready():
        _server.kill()
        _server.start()
        _server.await_ready()


@pytest.fixture
def client(database_server: Server) -> Iterator[Client]:
    with mongo.connect(Settings(listen="", mongodb_uri=database_server.unit.address)) as client:
        yield client


@pytest.fixture
def prefix() -> str:
    """The databases of one test."""
    return f"s{uuid.uuid4().hex[:8]}_"


@pytest.fixture
def start(database_server: Server, home: Path, ports: Ports, prefix: str, tmp_path: Path) -> Iterator[Start]:
    """Starts processes: start("contact", "api", KITH_THREADS="1")."""
    started: list[Process] = []
    numbers = itertools.count()
    keys = home / "keys"
    signing.generate(keys)

    def begin(service: str, *arguments: str, **environment: str) -> Process:
        number = next(numbers)
        settings = {
            "KITH_LISTEN": address(ports.take(f"{prefix}{number}")),
            "KITH_HEALTH_LISTEN": address(ports.take(f"{prefix}{number}-health")),
            "KITH_IDENTITY_ADDRESS": address(ports.take(f"{prefix}identity")),
            "KITH_DATABASE_PREFIX": prefix,
            "KITH_SIGNING_KEYS": str(keys),
            "MONGODB_URI": database_server.unit.address,
            "AMQP_URI": f"amqp://guest:guest@{address(ports.take('nobody'))}/",
        }
        log = tmp_path / f"{service}-{number}.log"
        started.append(Process(service, arguments, {**settings, **environment}, log))
        return started[-1]

    yield begin
    for process in started:
        if process.running:
            process.kill()
