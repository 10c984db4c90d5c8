"""What is expected of a running Kith, and how it is said that it did not happen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_PAUSE_SECONDS = 0.05


class Unmet(Exception):
    """Something did not happen: what was expected, what was found instead, and the trace to look at; "" if unknown."""

    def __init__(self, expected: str, found: str = "", trace_id: str = "") -> None:
        instead = f", found {found}" if found else ""
        traced = f" (trace {trace_id})" if trace_id else ""
        super().__init__(f"expected {expected}{instead}{traced}")
        self.expected = expected
        self.found = found
        self.trace_id = trace_id


def expect(met: object, expected: str, found: object = "", trace_id: str = "") -> None:
    """Says what is expected here.

    Raises:
        Unmet: `met` is not true.
    """
    if not met:
        raise Unmet(expected, str(found), trace_id)


def eventually(
    ask: Callable[[], T | None],
    *,
    seconds: float = 30.0,
    what: str = "it",
    trace_id: str = "",
    found: Callable[[], str] = lambda: "",
) -> T:
    """What `ask` answers as soon as that is something.

    found: asked once it is too late, for what is there instead.

    Raises:
        Unmet: it was nothing for so long.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Unmet(f"{what} within {seconds:g} s", found(), trace_id)
        time.sleep(_PAUSE_SECONDS)
