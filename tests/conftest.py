"""Real servers and a whole platform for the tests, on free ports, in temporary folders, stopped at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.local.options import Options
from cli.local.plan import Addresses
from cli.local.platform import Platform

_OWN_PLATFORM = ("test_story_under_fire.py", "test_one_line_adds_a_field.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Groups tests for several processes (`-n 2 --dist loadgroup`): those that share a platform stay together."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item.path)))


def _group(path: Path) -> str:
    kind, *rest = path.relative_to(Path(__file__).parent).parts
    if path.name in _OWN_PLATFORM:
        return "own platform"
    return "platform" if kind in ("flow", "contract") else f"{kind} {rest[0]}"


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """A MongoDB replica set, a RabbitMQ, an SMTP mailbox and a trace viewer."""
    with Platform(_home(tmp_path_factory, "servers"), _free_ports(), services=False) as running:
        yield running.addresses


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """All of Kith, with servers of its own."""
    with Platform(_home(tmp_path_factory, "platform"), _free_ports()) as running:
        yield running


def _free_ports() -> Options:
    return Options(gateway_port=0, traces_port=0)


def _home(factory: pytest.TempPathFactory, name: str) -> Path:
    return factory.mktemp(name)
