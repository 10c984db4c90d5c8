"""Finds and ends processes that an earlier platform of the same home left behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

# Every process of a platform carries its home in its environment, and hands it on to its own children.
MARK = "KITH_SUPERVISED_IN"


def find(home: Path) -> list[psutil.Process]:
    """The processes that belong to the platform in `home`, this one apart."""
    return [process for process in psutil.process_iter() if process.pid != os.getpid() and _belongs(process, home)]


def end(home: Path, grace_seconds: float = 10.0) -> int:
    """Ends what is left of the platform in `home`; returns how many processes that were."""
    left = find(home)
    for process in left:
        _quietly(process.terminate)
    _, stubborn = psutil.wait_procs(left, timeout=grace_seconds)
    for process in stubborn:
        _quietly(process.kill)
    psutil.wait_procs(stubborn, timeout=5)
    return len(left)


def _belongs(process: psutil.Process, home: Path) -> bool:
    try:
        return bool(process.environ().get(MARK) == str(home))
    except (psutil.Error, OSError):
        return False


def _quietly(act: Callable[[], None]) -> None:
    with suppress(psutil.NoSuchProcess):
        act()
