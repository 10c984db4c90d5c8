"""The contact service's methods over a real MongoDB, called as its server calls them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cli.local.plan import Addresses
from services.chassis import mongo
from services.chassis.api import methods
from services.chassis.call import Call
from services.chassis.peers import Peers
from services.chassis.principal import Principal
from services.chassis.resources.store import Store
from services.chassis.service import Engine
from services.chassis.settings import Settings
from services.contact.api import SERVICE


@dataclass(frozen=True)
class Caller:
    """Calls methods by their names as one user of one tenant."""

    store: Store
    by_name: dict[str, Callable[[Any, Call], Any]]
    call: Call

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        return lambda request: self.by_name[name](request, self.call)

    def of_tenant(self, tenant: str) -> Caller:
        """The same user of another tenant."""
        return Caller(self.store, self.by_name, _call(tenant))


@pytest.fixture(scope="session")
def contact_methods(servers: Addresses) -> Iterator[tuple[Store, dict[str, Callable[[Any, Call], Any]]]]:
    """The store, and every method of the contact service by its name."""
    settings = Settings(listen="", mongodb_uri=servers.mongodb, database_prefix="engine_")
    with mongo.connect(settings) as client:
        engine = Engine(settings, SERVICE.store(client, settings), Peers(settings))
        engine.store.migrate()
        found = methods(SERVICE, engine)
        yield engine.store, {name: method for by_name in found.values() for name, method in by_name.items()}


@pytest.fixture
def caller(contact_methods: tuple[Store, dict[str, Callable[[Any, Call], Any]]]) -> Caller:
    """A user of a tenant of its own."""
    store, by_name = contact_methods
    return Caller(store, by_name, _call(uuid.uuid4().hex))


def _call(tenant: str) -> Call:
    return Call(Principal(tenant, "users/somebody", ("*",)), seconds_left=10)
