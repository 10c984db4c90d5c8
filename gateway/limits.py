"""How much one caller may ask for: a token bucket per caller, in the memory of this process.

With several gateways a caller gets the limit from each: a limit in a shared store would cost every request a round
trip (2 ms with MongoDB). Buckets of callers that have been quiet are forgotten; at most 50,000 are kept.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from gateway.errors import Problem

_MOST_BUCKETS = 50_000


class RateLimiter:
    """Token buckets by caller. Not for use by several threads."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[str, list[float]] = OrderedDict()
        self._limit = str(burst).encode()

    def take(self, caller: str) -> list[tuple[bytes, bytes]]:
        """Counts one request; returns the headers that tell the caller where it stands.

        Raises:
            Problem: 429 with Retry-After: the caller is over its limit.
        """
        now = self._clock()
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._open(caller, now)
        else:
            self._buckets.move_to_end(caller)
            left = bucket[0] + (now - bucket[1]) * self._per_second
            bucket[0] = left if left < self._burst else self._burst
            bucket[1] = now
        if bucket[0] < 1:
            raise self._over((1 - bucket[0]) / self._per_second)
        bucket[0] -= 1
        return self._headers(bucket[0])

    def _open(self, caller: str, now: float) -> list[float]:
        if len(self._buckets) >= _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        bucket = self._buckets[caller] = [self._burst, now]
        return bucket

    def _headers(self, left: float) -> list[tuple[bytes, bytes]]:
        """As in the IETF's draft of RateLimit header fields; `reset` is when the bucket is full again."""
        reset = -int(-(self._burst - left) / self._per_second // 1)
        return [
            (b"ratelimit-limit", self._limit),
            (b"ratelimit-remaining", b"%d" % left),
            (b"ratelimit-reset", b"%d" % reset),
        ]

    def _over(self, seconds: float) -> Problem:
        wait = max(1, -int(-seconds // 1))
        detail = f"Too many requests: {self._per_second:g} a second are possible. Try again in {wait} s."
        headers = [(b"retry-after", b"%d" % wait), *self._headers(0)]
        return Problem(429, "RATE_LIMITED", detail, headers=headers)
