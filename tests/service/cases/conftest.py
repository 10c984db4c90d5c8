"""The cases service, and a tenant for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.local.plan import Addresses
from services.cases.api import SERVICE as CASES
from services.chassis import mongo
from services.chassis.settings import Settings
from tests.service.world import Tenant, World


@pytest.fixture(scope="session")
def cases_world(servers: Addresses) -> Iterator[World]:
    with mongo.connect(Settings(listen="", mongodb_uri=servers.mongodb)) as client:
        world = World(client, servers.mongodb, [CASES])
        yield world
        world.close()


@pytest.fixture
def tenant(cases_world: World) -> Tenant:
    return cases_world.tenant()
