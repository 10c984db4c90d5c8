"""Whether a loop of the worker lives: the difference between waiting for a server and being stuck."""

from __future__ import annotations

import time
from collections.abc import Callable

SILENCE_SECONDS = 60.0
"""A loop that gave no sign for so long is stuck."""
REFUSAL_SECONDS = 60.0
"""A broker that refuses for so long will not change its mind: a new process, perhaps a newer one, is due."""


class Pulse:
    """Signs of life of one loop, for /livez and /readyz.

    A broker or database that is away makes a process unready, not dead: killing it would not bring them back.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._clock = clock
        self._last = clock()
        self._refused_since = 0.0
        self._problem = "starting"

    def beat(self) -> None:
        """The loop goes on."""
        self._last = self._clock()

    def working(self) -> None:
        """The loop does its work."""
        self.beat()
        self._problem = ""
        self._refused_since = 0.0

    def waiting(self, problem: str, *, refused: bool = False) -> None:
        """The loop cannot work now and tries again; `refused` when a server answers but will not have it."""
        self.beat()
        self._problem = problem
        self._refused_since = (self._refused_since or self._clock()) if refused else 0.0

    @property
    def problem(self) -> str:
        """Why the loop does not work; empty when it does."""
        return self._problem

    @property
    def stuck(self) -> str:
        """Why the process should be replaced; empty when it should not."""
        now = self._clock()
        if now - self._last > SILENCE_SECONDS:
            return f"{self.name}: no sign of life for {now - self._last:.0f} s"
        if self._refused_since and now - self._refused_since > REFUSAL_SECONDS:
            return f"{self.name}: {self._problem}"
        return ""
