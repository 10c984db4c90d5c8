"""The insight service over a real MongoDB, fed with real events."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from kith.insight.v1.timeline_entry_pb2 import TimelineEntry
from kith.insight.v1.timeline_entry_service_pb2 import ListTimelineRequest, ListTimelineResponse

from cli.local.plan import Addresses
from services.chassis import mongo
from services.chassis.bus import inbox
from services.chassis.bus.delivery import Deliveries
from services.chassis.bus.events import Event
from services.chassis.call import Call
from services.chassis.principal import Principal
from services.chassis.resources.store import Store
from services.chassis.settings import Settings
from services.insight.api import SERVICE
from services.insight.records import ENTRIES, LINKS, WAITING
from services.insight.timeline import Timelines
from services.insight.worker import HANDLERS
from tests.service.insight.happenings import Happenings

PREFIX = "meaning_"


@dataclass(frozen=True)
class Observer:
    """The service at work for one tenant; `world` is what happens elsewhere."""

    store: Store
    deliveries: Deliveries
    world: Happenings

    def hear(self, *events: Event) -> None:
        """Handles events as the worker does; what a handler raises is raised here."""
        for event in events:
            self.deliveries._handle(event, self.deliveries._handlers.of(event.key))

    def page(self, subject: str, **more: Any) -> ListTimelineResponse:
        """A page of a customer's timeline."""
        call = Call(Principal(self.world.tenant, "users/somebody", ("*",)), seconds_left=10)
        return Timelines(self.store).ListTimeline(ListTimelineRequest(subject=subject, **more), call)

    def titles(self, subject: str, **more: Any) -> list[str]:
        """What stands on a customer's timeline, newest first."""
        return [entry.title for entry in self.page(subject, **more).timeline_entries]

    def entries(self) -> list[TimelineEntry]:
        found = self.store.database[ENTRIES].find({"tenant": self.world.tenant}).sort("_id")
        return [self.store.to_message(TimelineEntry, document) for document in found]

    def waiting(self) -> int:
        return self.store.database[WAITING].count_documents({"tenant": self.world.tenant})

    def state(self) -> dict[str, Any]:
        """Everything that is kept of the tenant, but for how often it was written."""
        return {
            name: {document["_id"]: _kept(document) for document in self._documents(name)}
            for name in (ENTRIES, WAITING, LINKS)
        }

    def forget(self) -> None:
        """Begins anew."""
        for name in (ENTRIES, WAITING, LINKS):
            self.store.database[name].delete_many({"tenant": self.world.tenant})
        self.store.database[inbox.COLLECTION].delete_many({"_id": {"$in": [event.id for event in self.world.events]}})

    def _documents(self, name: str) -> Iterable[dict[str, Any]]:
        return self.store.database[name].find({"tenant": self.world.tenant})


def _kept(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in ("_held", "_completed")}


@pytest.fixture(scope="session")
def insight_store(servers: Addresses) -> Iterator[Store]:
    settings = Settings(listen="", mongodb_uri=servers.mongodb, database_prefix=PREFIX)
    with mongo.connect(settings) as client:
        store = SERVICE.store(client, settings)
        store.migrate()
        yield store


@pytest.fixture
def observer(insight_store: Store) -> Observer:
    world = Happenings(insight_store.client, f"{PREFIX}world_", uuid.uuid4().hex)
    deliveries = Deliveries("insight", insight_store, HANDLERS, "queue", lambda _seconds: False)
    return Observer(insight_store, deliveries, world)
