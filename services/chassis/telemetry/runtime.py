"""What a process tells about itself: version, number, processor time and memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from opentelemetry.metrics import CallbackOptions, Meter, Observation


def version() -> str:
    """Kith's version: that of the image it runs in, or else as installed."""
    if told := os.environ.get("KITH_VERSION"):
        return told
    try:
        return metadata.version("kith")
    except metadata.PackageNotFoundError:
        return "0"


def observe(meter: Meter) -> None:
    """Lets the meter read processor time and memory whenever metrics are exported."""
    meter.create_observable_counter(
        "process.cpu.time", [_processor_seconds], "s", "Processor time used since the start."
    )
    meter.create_observable_up_down_counter("process.memory.usage", [_resident_bytes], "By", "Physical memory in use.")


def _processor_seconds(_: CallbackOptions) -> Iterable[Observation]:
    return [Observation(time.process_time())]


def _resident_bytes(_: CallbackOptions) -> Iterable[Observation]:
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return []
    return [Observation(int(pages) * os.sysconf("SC_PAGE_SIZE"))]
