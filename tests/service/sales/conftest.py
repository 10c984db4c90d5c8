"""The sales and contact services, and a tenant for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.local.plan import Addresses
from services.chassis import mongo
from services.chassis.settings import Settings
from services.contact.api import SERVICE as CONTACT
from services.sales.api import SERVICE as SALES
from tests.service.world import Tenant, World


@pytest.fixture(scope="session")
def sales_world(servers: Addresses) -> Iterator[World]:
    with mongo.connect(Settings(listen="", mongodb_uri=servers.mongodb)) as client:
        world = World(client, servers.mongodb, [CONTACT, SALES])
        yield world
        world.close()


@pytest.fixture
def tenant(sales_world: World) -> Tenant:
    return sales_world.tenant()
