"""Reads the logs of a platform's processes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

_POLL_SECONDS = 0.3


def files(home: Path, name: str | None) -> list[Path]:
    """The log of `name`, or all logs of this run, sorted by name."""
    return sorted(file for file in (home / "log").glob("*.log") if name in (None, file.stem))


def read(logs: list[Path], count: int, follow: bool) -> Iterator[str]:
    """The last `count` lines of each log, then, to `follow`, what is added.

    With several logs each line begins with the process's name.
    """
    width = max(len(log.stem) for log in logs) if len(logs) > 1 else 0
    ends: dict[Path, int] = {}
    for log in logs:
        content = log.read_bytes()
        ends[log] = content.rfind(b"\n") + 1
        yield from _lines(log, content[: ends[log]], width)[-count:]
    while follow:
        time.sleep(_POLL_SECONDS)
        for log in logs:
            added = _since(log, ends[log])
            ends[log] += len(added)
            yield from _lines(log, added, width)


def _since(log: Path, position: int) -> bytes:
    """The whole lines that were written after `position`."""
    with log.open("rb") as file:
        file.seek(position)
        added = file.read()
    return added[: added.rfind(b"\n") + 1]


def _lines(log: Path, content: bytes, width: int) -> list[str]:
    prefix = f"{log.stem:<{width}} | " if width else ""
    return [prefix + line for line in content.decode(errors="replace").splitlines()]
