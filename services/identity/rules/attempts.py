"""How long one has to wait after failed attempts to sign in: nothing at first, then twice as long each time."""

from __future__ import annotations

LONGEST_SECONDS = 900
"""The longest wait: an attacker who locks somebody out does so for no longer than this after stopping."""
FORGOTTEN_SECONDS = 86_400
"""Failures are forgotten after so long without another one."""


def waits(free: int, longest: int) -> tuple[int, ...]:
    """Seconds to wait after the n-th failure in a row, by n from 0 on; the last holds for all further ones.

    The first `free` failures cost nothing.
    """
    growing = []
    seconds = 1
    while seconds < longest:
        growing.append(seconds)
        seconds *= 2
    return (*(0 for _ in range(free + 1)), *growing, longest)


PER_USER = waits(free=5, longest=LONGEST_SECONDS)
"""For one e-mail address of one tenant, whether there is such a user or not."""
PER_ADDRESS = waits(free=100, longest=60)
"""For one network address, behind which a whole office may sit: slow for an attacker, bearable for the others."""
