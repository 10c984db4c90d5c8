"""Waiting for a cluster, which is asked about once in a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(ask: Callable[[], T | None], *, seconds: float, what: str, pause_seconds: float = 1.0) -> T:
    """What `ask` answers as soon as that is something; fails when it is nothing for so long."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds:g} s"
        time.sleep(pause_seconds)
    return answer
