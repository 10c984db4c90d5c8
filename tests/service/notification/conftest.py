"""The notification service over a real MongoDB and a real SMTP server, fed with real events."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kith.identity.v1.user_pb2 import User
from kith.notification.v1.delivery_pb2 import Delivery
from kith.notification.v1.notification_pb2 import Notification

from cli.local.plan import Addresses
from cli.local.ports import Ports
from services.chassis import mongo
from services.chassis.bus.delivery import Deliveries
from services.chassis.bus.events import Event
from services.chassis.resources.store import Store
from services.chassis.settings import Settings
from services.notification.api import SERVICE
from services.notification.worker import handlers
from tests.service.insight.happenings import Happenings
from tests.service.notification.post_office import PostOffice

PREFIX = "telling_"


@dataclass(frozen=True)
class Desk:
    """The service at work for one tenant; `office` is its mail server, `world` what happens elsewhere."""

    store: Store
    deliveries: Deliveries
    office: PostOffice
    world: Happenings

    def hear(self, *events: Event) -> None:
        """Handles events as the worker does; what a handler raises is raised here."""
        for event in events:
            registered = self.deliveries._handlers.of(event.key)
            self.deliveries._handle(event, registered)

    def user(self, **fields: Any) -> User:
        """A user whom the service knows."""
        user: User = self.world.create(User(**{"display_name": "Ada Løve", "email": "ada@example.org", **fields}))
        self.hear(self.world.last)
        return user

    def notifications(self) -> list[Notification]:
        return self._all(Notification)

    def delivered(self) -> list[Delivery]:
        return self._all(Delivery)

    def planned(self) -> list[Event]:
        """The service's own events `delivery.created`, as its relay would send them."""
        from services.chassis.bus.events import cloud_event, decode, encode

        record_type = self.store.record(Delivery).type
        query = {"tenant": self.world.tenant, "kind": "delivery", "verb": "created"}
        found = self.store.database["changes"].find(query).sort("_id")
        return [decode(encode(cloud_event(record_type, change))) for change in found]

    def verbs(self) -> list[str]:
        """What happened to deliveries."""
        query = {"tenant": self.world.tenant, "kind": "delivery"}
        return [change["verb"] for change in self.store.database["changes"].find(query).sort("_id")]

    def _all(self, message: Any) -> list[Any]:
        found = self.store.collection(self.store.record(message)).find({"tenant": self.world.tenant}).sort("_id")
        return [self.store.to_message(message, document) for document in found]


@pytest.fixture(scope="session")
def notification_store(servers: Addresses) -> Iterator[Store]:
    settings = Settings(listen="", mongodb_uri=servers.mongodb, database_prefix=PREFIX)
    with mongo.connect(settings) as client:
        store = SERVICE.store(client, settings)
        store.migrate()
        yield store


@pytest.fixture
def office(tmp_path: Path) -> Iterator[PostOffice]:
    office = PostOffice(Ports(tmp_path / "ports.json"))
    office.open()
    yield office
    office.close()


@pytest.fixture
def make_desk(notification_store: Store, office: PostOffice) -> Callable[..., Desk]:
    """Makes the service at work; the arguments are settings."""

    def make(**more: Any) -> Desk:
        settings = Settings(**{"listen": "", "smtp_uri": office.uri, "mail_from": "Kith <kith@example.org>", **more})
        world = Happenings(notification_store.client, f"{PREFIX}world_", uuid.uuid4().hex)
        found = handlers(settings)
        deliveries = Deliveries("notification", notification_store, found, "queue", lambda _seconds: False)
        return Desk(notification_store, deliveries, office, world)

    return make


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()
