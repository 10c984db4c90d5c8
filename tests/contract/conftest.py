"""One platform with two tenants, a reader of its databases, and its description, for all contract tests."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pymongo
import pytest

from cli.local.platform import Platform
from tests.contract import tenants
from tests.contract.described import Described
from tests.contract.ledger import Ledger, changed
from tests.contract.tenants import Tenant
from tests.contract.wire import Wire, call


@pytest.fixture(scope="session")
def wire(platform: Platform) -> Iterator[Wire]:
    """Connections to the gateway."""
    wire = Wire(platform.addresses.gateway)
    yield wire
    wire.close()


@pytest.fixture(scope="session")
def platform_url(platform: Platform) -> str:
    """Where the gateway is."""
    return platform.addresses.gateway


@pytest.fixture(scope="session")
def described(wire: Wire) -> Described:
    """The API as it describes itself."""
    return Described(wire.send(call("the description", "GET", "/openapi.json", "")).json)


@pytest.fixture(scope="session")
def ours(platform: Platform, wire: Wire) -> Tenant:
    """The tenant on whose behalf the tests call."""
    tenant = tenants.ours(platform)
    tenants.furnish(tenant, wire, "Homeland", uuid.uuid4().hex[:12])
    return tenant


@pytest.fixture(scope="session")
def theirs(platform: Platform, wire: Wire) -> Tenant:
    """Another tenant, of which the first must not see anything."""
    mark = uuid.uuid4().hex[:12]
    tenant = tenants.another(platform, f"other-{mark}")
    tenants.furnish(tenant, wire, tenants.SECRET_WORD, mark)
    return tenant


@pytest.fixture(scope="session")
def ledger(platform: Platform) -> Iterator[Ledger]:
    """Reads all databases."""
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(platform.addresses.mongodb)
    yield Ledger(client)
    client.close()


@pytest.fixture
def nothing_changes(ours: Tenant, theirs: Tenant, ledger: Ledger) -> Iterator[None]:
    """Whatever the test does, all databases hold in the end what they held before."""
    before = ledger.settled()
    yield
    time.sleep(0.2)  # what a worker might do because of it
    different = changed(before, ledger.settled(quiet_seconds=0.5))
    assert not different, f"{len(different)} documents changed: {different[:10]}"
