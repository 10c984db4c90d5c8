"""Saves how far the relay has come: never further than the broker has confirmed, and not at every event."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Any

from pymongo.database import Database
from pymongo.errors import PyMongoError

from services.chassis.bus import progress
from services.chassis.bus.progress import Progress
from services.chassis.bus.publisher import Publisher
from services.chassis.lease import LeaseLost

_log = logging.getLogger(__name__)
SAVE_SECONDS = 0.1
IDLE_SAVE_SECONDS = 30.0
"""A resume token of a quiet service ages too: others fill the oplog."""


class Checkpoints:
    """Points of the log that a publisher has reached, saved when everything before them is confirmed."""

    def __init__(self, database: Database[dict[str, Any]], publisher: Publisher, epoch: int) -> None:
        self._database = database
        self._publisher = publisher
        self._epoch = epoch
        self._reached: deque[tuple[int, Progress]] = deque()
        self._saved_at = time.monotonic()
        self._superseded = False
        self._closed = False
        self._wake = threading.Event()
        threading.Thread(target=self._keep, name="relay progress", daemon=True).start()

    def reached(self, point: Progress, *, idle: bool) -> None:
        """Everything up to this point was sent just now; `idle` when there was nothing to send.

        Raises:
            LeaseLost: another relay has gone on since.
        """
        if self._superseded:
            raise LeaseLost("another relay has taken over")
        if idle and time.monotonic() - self._saved_at < IDLE_SAVE_SECONDS:
            return
        self._reached.append((self._publisher.sent, point))
        self._wake.set()

    def close(self) -> None:
        """Saves what is confirmed by now, and ends."""
        self._closed = True
        self._wake.set()
        self._save()

    def _keep(self) -> None:
        while True:
            self._wake.wait()
            if self._closed:
                return
            time.sleep(SAVE_SECONDS)
            self._wake.clear()
            self._save()
            if self._reached:  # some of it is not confirmed yet
                self._wake.set()

    def _save(self) -> None:
        point = None
        while self._reached and self._reached[0][0] <= self._publisher.confirmed:
            _, point = self._reached.popleft()
        if point is None:
            return
        try:
            self._superseded = not progress.save(self._database, point, self._epoch)
            self._saved_at = time.monotonic()
        except PyMongoError as error:
            # The next point will do; should there be none, some events are sent again and dropped by the inboxes.
            _log.warning("the relay's progress could not be saved: %s", type(error).__name__)
