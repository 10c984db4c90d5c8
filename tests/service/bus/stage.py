"""What the tests of the bus work with: workers that can be killed, a sales database to write to, notes to read."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kith.sales.v1.lead_pb2 import Lead
from pymongo import MongoClient

from cli.local.ports import Ports
from services.chassis import mongo
from services.chassis.bus import topology
from services.chassis.bus.connection import connect
from services.chassis.bus.link import Link
from services.chassis.bus.publisher import Publisher
from services.chassis.resources.changes import Author
from services.chassis.resources.records import Record
from services.chassis.resources.store import Store
from services.chassis.settings import Settings
from tests.service.bus.probe import LEADS, NOTES
from tests.service.bus.servers import Servers

ROOT = Path(__file__).resolve().parents[3]
PREFIX = "bus_"
DELAYS = "0.2,0.2,0.2"
_numbers = itertools.count()


def eventually(check: Callable[[], Any], seconds: float = 15.0) -> Any:
    """What `check` returns once that is true; fails when it never is."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        time.sleep(0.03)
    return found


class Process:
    """One worker process of the probe."""

    def __init__(self, service: str, servers: Servers, home: Path, environment: Mapping[str, str]) -> None:
        self.port = Ports(home / "ports.json").take(f"{service}-{next(_numbers)}")
        self.log = home / f"{service}.log"
        settings = {
            "KITH_LISTEN": f"127.0.0.1:{self.port}",
            "MONGODB_URI": servers.mongodb_uri,
            "AMQP_URI": servers.amqp_uri,
            "KITH_DATABASE_PREFIX": PREFIX,
            "KITH_RETRY_DELAYS": DELAYS,
            "KITH_PROBE_DIED": str(home / "died"),
            "LOG_LEVEL": "INFO",
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.service.bus.probe", service],
                env={**os.environ, **settings, **environment},
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

    def ask(self, path: str) -> int:
        """The status of /livez or /readyz; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def await_ready(self, seconds: float = 30.0) -> None:
        eventually(lambda: self.ask("/readyz") == 200 or self.process.poll() is not None, seconds)
        assert self.process.poll() is None, self.log.read_text()[-3000:]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(30)


class Stage:
    """Two workers, sales with the relay of leads and insight that notes everything."""

    def __init__(self, servers: Servers, home: Path) -> None:
        self.servers = servers
        self._home = home
        settings = Settings(listen="", mongodb_uri=servers.mongodb_uri, amqp_uri=servers.amqp_uri)
        self.client: MongoClient[dict[str, Any]] = mongo.connect(settings)
        self.sales = Store(self.client, PREFIX + "sales", [Record(Lead)])
        self.sales.migrate()
        self.insight = self.client[PREFIX + "insight"]
        for service in ("insight", "identity"):
            Store(self.client, PREFIX + service, []).migrate()
        self.workers: dict[str, Process] = {}
        self._started: list[Process] = []

    def start(self, service: str, **environment: str) -> Process:
        """Another worker of a service."""
        self._started.append(Process(service, self.servers, self._home, environment))
        return self._started[-1]

    def ensure(self, *services: str) -> None:
        """Has one worker of each of these services run, ready."""
        for service in services:
            if service not in self.workers or self.workers[service].process.poll() is not None:
                self.workers[service] = self.start(service)
        for service in services:
            self.workers[service].await_ready()

    def close(self) -> None:
        for worker in self._started:
            worker.kill()
        self.client.close()

    def create(self, tenant: str, company: str = "", number: int = 1, traceparent: str = "") -> list[Lead]:
        """Creates leads, each in a transaction of its own."""
        author = Author(tenant, "users/test", traceparent)
        return [
            self.sales.write(author, lambda tx: tx.create(Lead(family_name="Test", company=company)))
            for _ in range(number)
        ]

    def update(self, tenant: str, name: str, company: str) -> Lead:
        def change(lead: Lead) -> None:
            lead.company = company

        return self.sales.write(Author(tenant, "users/test"), lambda tx: tx.update(Lead, name, change))

    def delete(self, tenant: str, name: str) -> Lead:
        return self.sales.write(Author(tenant, "users/test"), lambda tx: tx.delete(Lead, name))

    def notes(self, tenant: str) -> list[dict[str, Any]]:
        """What insight noted of a tenant."""
        return list(self.insight[NOTES].find({"tenant": tenant}))

    def seen(self, name: str) -> dict[str, Any] | None:
        """Insight's read model of a lead."""
        return self.insight[LEADS].find_one({"_id": name})

    def await_noted(self, tenant: str, number: int, seconds: float = 15.0) -> list[dict[str, Any]]:
        eventually(lambda: self.insight[NOTES].count_documents({"tenant": tenant}) >= number, seconds)
        return self.notes(tenant)

    def changes(self, tenant: str) -> list[dict[str, Any]]:
        return list(self.sales.database["changes"].find({"tenant": tenant}).sort("_id"))

    def publish(self, bodies: Sequence[bytes], **properties: Any) -> None:
        """Puts messages into insight's queue, as anybody on the broker could; returns when it has them.

        Without confirms a busy broker throws away what it has not queued when the connection closes.
        """
        link = Link(self.servers.amqp_uri, "test")
        try:
            publisher = Publisher(link)
            link.start()
            for body in bodies:
                publisher.send(body, properties, key=topology.queue("insight"))
            publisher.await_confirmed()
        finally:
            link.close()

    def parked(self) -> list[Any]:
        """Takes everything out of insight's parking queue."""
        with connect(self.servers.amqp_uri, "test") as connection:
            channel = connection.channel()
            found = []
            while (message := channel.basic_get(topology.parking_queue("insight"), no_ack=True)) is not None:
                found.append(message)
            return found

    def await_parked(self, number: int) -> list[Any]:
        """Takes so many messages out of insight's parking queue."""
        found: list[Any] = []

        def enough() -> bool:
            found.extend(self.parked())
            return len(found) >= number

        eventually(enough)
        assert len(found) == number
        return found

    def waiting(self, queue: str) -> int:
        """How many messages are ready in a queue."""
        with connect(self.servers.amqp_uri, "test") as connection:
            return int(connection.channel().queue_declare(queue, passive=True).message_count)


def a_tenant() -> str:
    """A tenant that no other test has."""
    return f"tenant-{uuid.uuid4().hex[:12]}"
