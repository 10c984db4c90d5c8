"""Waiting for what others bring about: how long until the next try, and how an attempt says that it is too early."""

from __future__ import annotations

import random


class NotYet(Exception):
    """What an attempt needs is not there yet, and trying again will help; the text says what is missing."""


class Patience:
    """Growing delays in seconds, with jitter so that all workers don't come back at the same moment."""

    def __init__(self, first: float = 0.2, longest: float = 15.0) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def seconds(self) -> float:
        """The next delay: twice the one before, at most the longest."""
        delay = self._next
        self._next = min(self._next * 2, self._longest)
        return delay * random.uniform(0.7, 1.3)

    def reset(self) -> None:
        """It worked: start again with the first delay."""
        self._next = self._first
