"""Which deliveries are handled when: those that wait for the same tenant together, the others one by one.

Nobody waits for a batch to fill. A delivery that finds a lane free starts at once, alone; only what arrives while all
lanes are busy comes together, so batches grow with the load and are gone with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from services.chassis.bus.delivery import Delivery

MOST_TOGETHER = 16
LANES = 2
"""So many batches at a time. They meet in the same records, and more of them would mostly stand in each other's way."""


class Waiting:
    """The deliveries of one connection, from their arrival to their end; at most `most` turns run at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._alone: deque[Delivery] = deque()
        self._together: deque[Delivery] = deque()
        self._running = 0
        self._busy_lanes = 0

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return not (self._alone or self._together or self._running)

    def add(self, delivery: Delivery) -> None:
        """A delivery has arrived."""
        (self._alone if delivery.alone else self._together).append(delivery)

    def take(self) -> list[Delivery]:
        """What starts now: one delivery, or several of one tenant; nothing when all turns are taken or none waits."""
        if self._running >= self._most:
            return []
        taken = [self._alone.popleft()] if self._alone else self._next_batch()
        self._running += bool(taken)
        return taken

    def end(self, taken: Iterable[Delivery], *, again: bool = False) -> None:
        """What `take` gave has ended; `again` when it did not succeed together, so each has a turn of its own."""
        deliveries = list(taken)
        self._running -= 1
        self._busy_lanes -= not deliveries[0].alone
        if again:
            for delivery in deliveries:
                delivery.alone = True
            self._alone.extend(deliveries)

    def _next_batch(self) -> list[Delivery]:
        if not self._together or self._busy_lanes >= LANES:
            return []
        tenant = self._together[0].tenant
        batch = [delivery for delivery in self._together if delivery.tenant == tenant][:MOST_TOGETHER]
        taken = set(map(id, batch))
        self._together = deque(delivery for delivery in self._together if id(delivery) not in taken)
        self._busy_lanes += 1
        return batch
