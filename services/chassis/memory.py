"""Python's garbage collector, told what a long-running server knows: what it has loaded stays."""

from __future__ import annotations

import gc

_YOUNG_OBJECTS = 20_000
"""So many new objects trigger a collection; the default of 700 is one for every few requests (docs/performance.md)."""


def settle() -> None:
    """Call it once when a process is ready to serve: everything loaded so far is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)
