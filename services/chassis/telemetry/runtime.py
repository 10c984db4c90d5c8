"""What a process tells about itself: version, number, processor time and memory."""

from __future__ import annotations

import os
import time
from importlib import metadata
from pathlib import Path

from services.chassis.telemetry.metrics import Instrument, Observed


def version() -> str:
    """Kith's version, as installed."""
    try:
        return metadata.version("kith")
    except metadata.PackageNotFoundError:
        return "0"


def instruments() -> tuple[Instrument, ...]:
    """Sums that are read when metrics are exported."""
    return (
        Observed("process.cpu.time", "s", "Processor time used since the start.", time.process_time, grows=True),
        Observed("process.memory.usage", "By", "Physical memory in use.", _resident_bytes, grows=False),
    )


def _resident_bytes() -> int:
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
