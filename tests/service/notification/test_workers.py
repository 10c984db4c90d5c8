"""The whole way through real processes: a change in one service, the broker, a mail, a line on a timeline."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kith.identity.v1.user_pb2 import User
from kith.insight.v1.timeline_entry_service_pb2 import ListTimelineRequest
from kith.sales.v1.lead_pb2 import Lead
from pymongo import MongoClient

from cli.local.plan import Addresses
from cli.local.ports import Ports
from services.chassis import mongo
from services.chassis.call import Call
from services.chassis.principal import Principal
from services.chassis.settings import Settings
from services.identity.api import SERVICE as IDENTITY
from services.insight.api import SERVICE as INSIGHT
from services.insight.timeline import Timelines
from services.notification.api import SERVICE as NOTIFICATION
from services.sales.api import SERVICE as SALES
from tests.service.insight.happenings import Happenings
from tests.service.notification.post_office import PostOffice
from tests.service.notification.workers import Worker, eventually

PREFIX = "workers_"
Started = tuple[dict[str, Worker], PostOffice]
SERVICES = {service.name: service for service in (IDENTITY, SALES, NOTIFICATION, INSIGHT)}


@dataclass(frozen=True)
class Town:
    """Four workers and a mail server; `world` writes into their databases, `owner` is somebody's name there."""

    workers: dict[str, Worker]
    office: PostOffice
    timelines: Timelines
    world: Happenings
    owner: str

    def lead(self) -> Lead:
        """A lead of the owner's."""
        lead: Lead = self.world.create(Lead(family_name="Hopper", owner=self.owner))
        return lead

    def told(self, subject: str) -> list[str]:
        call = Call(Principal(self.world.tenant, "users/u", ("*",)), seconds_left=10)
        page = self.timelines.ListTimeline(ListTimelineRequest(subject=subject), call)
        return [entry.title for entry in page.timeline_entries]


@pytest.fixture(scope="module")
def started(servers: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    home: Path = tmp_path_factory.mktemp("workers")
    office = PostOffice(Ports(home / "office.json"))
    environment = {
        "MONGODB_URI": servers.mongodb,
        "AMQP_URI": servers.amqp,
        "SMTP_URI": office.uri,
        "KITH_DATABASE_PREFIX": PREFIX,
        "KITH_RETRY_DELAYS": "0.3,0.5,1,2,4,8,16",
    }
    workers = {service: Worker(service, home, environment) for service in SERVICES}
    office.open()
    _shorten_transactions(servers)
    _migrate(servers)
    try:
        _start(workers)
        yield workers, office
    finally:
        for worker in workers.values():
            worker.kill()
        office.close()


@pytest.fixture
def town(started: Started, servers: Addresses) -> Iterator[Town]:
    workers, office = started
    office.envelopes.clear()
    settings = Settings(listen="", mongodb_uri=servers.mongodb, database_prefix=PREFIX)
    with mongo.connect(settings) as client:
        world = Happenings(client, PREFIX, uuid.uuid4().hex)
        owner = world.create(User(display_name="Ada", email="ada@example.org"))
        yield Town(workers, office, Timelines(INSIGHT.store(client, settings)), world, owner.name)


def test_an_owner_is_mailed_and_the_timeline_tells_so_in_order(town: Town) -> None:
    lead = town.lead()
    eventually(lambda: len(town.told(lead.name)) == 4)
    assert [str(mail["To"]) for mail in town.office.mails] == ["Ada <ada@example.org>"]
    assert list(reversed(town.told(lead.name))) == [
        "Lead “Hopper” was created",
        "Notification “New lead for you: Hopper” was created",
        "Delivery was created",
        "Delivery was sent",
    ]


def test_mails_wait_while_the_mail_server_is_away(town: Town) -> None:
    town.office.close()
    lead = town.lead()
    eventually(lambda: "Delivery was deferred" in town.told(lead.name))
    town.office.open()
    eventually(lambda: "Delivery was sent" in town.told(lead.name))
    assert len(town.office.mails) == 1


def test_killed_workers_lose_and_double_nothing(town: Town) -> None:
    leads = [town.lead() for _ in range(10)]
    eventually(lambda: town.office.mails)
    for service in SERVICES:
        town.workers[service].kill()
    _start(town.workers)
    eventually(lambda: all("Delivery was sent" in town.told(lead.name) for lead in leads), 120)
    identifiers = [mail["Message-ID"] for mail in town.office.mails]
    assert len(set(identifiers)) == 10
    for lead in leads:
        told = town.told(lead.name)
        assert len(told) == len(set(told))


def _start(workers: dict[str, Worker]) -> None:
    for worker in workers.values():
        worker.start()
    for worker in workers.values():
        worker.await_ready()


def _migrate(servers: Addresses) -> None:
    settings = Settings(listen="", mongodb_uri=servers.mongodb, database_prefix=PREFIX)
    with mongo.connect(settings) as client:
        for service in SERVICES.values():
            service.store(client, settings).migrate()


def _shorten_transactions(servers: Addresses) -> None:
    """What a killed process left open holds its records for a minute by default: too long for a test."""
    with MongoClient[dict[str, object]](servers.mongodb) as client:
        client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=3)
