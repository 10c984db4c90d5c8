"""A server that says whom it answers, behind certificates of a real authority."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from services.chassis.settings import Tls
from tests.authority import Authority
from tests.unit.calls.echo import Echo


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def tls(authority: Authority) -> Tls:
    """One certificate for all processes, as the chart issues it."""
    return authority.issue("kith", "localhost", "127.0.0.1")


@pytest.fixture
def start() -> Iterator[Callable[[Tls | None], Echo]]:
    with ExitStack() as stack:

        def started(tls: Tls | None) -> Echo:
            echo = Echo(tls)
            stack.callback(echo.stop)
            return echo

        yield started
