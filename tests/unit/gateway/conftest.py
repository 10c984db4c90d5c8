"""One stand-in platform and one gateway for all tests here; each test finds them empty."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.unit.gateway.process import GatewayProcess
from tests.unit.gateway.standin import API_KEY, StandIn


@pytest.fixture(scope="session")
def _standin() -> Iterator[StandIn]:
    started = StandIn()
    yield started
    started.stop()


@pytest.fixture
def standin(_standin: StandIn) -> StandIn:
    _standin.contacts.clear()
    _standin.requests.clear()
    _standin.metadata.clear()
    _standin.delay_seconds = 0.0
    _standin.failure = None
    return _standin


@pytest.fixture(scope="session")
def gateway(_standin: StandIn) -> Iterator[GatewayProcess]:
    with GatewayProcess(_standin.address, KITH_CORS_ORIGINS="https://crm.example.com") as running:
        yield running


@pytest.fixture
def client(gateway: GatewayProcess, standin: StandIn) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url, headers={"Authorization": f"Bearer {API_KEY}"}) as made:
        yield made
