"""What processes cost: CPU time and memory, read from /proc."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """CPU time that each process has used so far, user and system, in seconds."""
    return {name: _ticks(pid) / _TICKS for name, pid in pids.items()}


def rss_megabytes(pids: Mapping[str, int]) -> dict[str, float]:
    """Resident memory of each process, in MB."""
    page = os.sysconf("SC_PAGE_SIZE")
    return {name: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page / 1e6 for name, pid in pids.items()}


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
