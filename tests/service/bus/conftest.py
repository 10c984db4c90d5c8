"""Servers and workers of the bus tests: started once, reset by each test that harms them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.bus.servers import Servers
from tests.service.bus.stage import Stage, a_tenant


@pytest.fixture(scope="session")
def bus_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bus")


@pytest.fixture(scope="session")
def servers(bus_home: Path) -> Iterator[Servers]:
    started = Servers(bus_home)
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="session")
def _stage(servers: Servers, bus_home: Path) -> Iterator[Stage]:
    stage = Stage(servers, bus_home)
    yield stage
    stage.close()


@pytest.fixture
def stage(_stage: Stage) -> Stage:
    _stage.ensure("sales", "insight")
    return _stage


@pytest.fixture
def tenant() -> str:
    return a_tenant()
