"""A lease: which of several processes does what only one may do."""

from __future__ import annotations

import datetime
import logging
import threading
import time
import uuid
from typing import Any

from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, PyMongoError

_log = logging.getLogger(__name__)
COLLECTION = "leases"
TERM_SECONDS = 5.0
_RENEWAL_SECONDS = 1.5
_MARGIN_SECONDS = 0.5


class LeaseLost(Exception):
    """Somebody else may hold the lease by now."""


class Lease:
    """One holder at a time, by the database's clock; a holder that died is followed after at most five seconds.

    `epoch` grows with each new holder. Whoever writes something for the holder only makes the write conditional on
    the epoch, so that one who does not know yet that it lost the lease cannot undo its successor's work.
    """

    def __init__(self, database: Database[dict[str, Any]], name: str) -> None:
        self._collection = database[COLLECTION]
        self._name = name
        self._holder = uuid.uuid4().hex
        self._until = 0.0
        self._released = threading.Event()
        self._lock = threading.Lock()
        self.epoch = 0

    @property
    def held(self) -> bool:
        """Whether it is certainly still ours, by our own clock from the moment we asked."""
        return time.monotonic() < self._until

    def check(self) -> None:
        """Raises LeaseLost unless it is held."""
        if not self.held:
            raise LeaseLost(self._name)

    def acquire(self) -> bool:
        """Takes the lease if it is free or ours; from then on it is renewed until `release`."""
        if not (self._take() or (self._create() and self._take())):
            return False
        self._released = threading.Event()
        threading.Thread(target=self._renew, args=(self._released,), name="lease", daemon=True).start()
        return True

    def taken(self) -> bool:
        """Whether somebody holds it now, by the database's clock."""
        held = {"_id": self._name, "holder": {"$ne": ""}, "$expr": {"$gt": ["$until", "$$NOW"]}}
        return self._collection.find_one(held, {"_id": 1}) is not None

    def release(self) -> None:
        """Gives it back at once, so that the next one need not wait for its end."""
        self._released.set()
        self._until = 0.0
        mine = {"_id": self._name, "holder": self._holder}
        try:
            with self._lock:
                self._collection.update_one(mine, [{"$set": {"holder": "", "until": "$$NOW"}}])
        except PyMongoError as error:
            _log.warning("the lease %s could not be given back: %s", self._name, type(error).__name__)

    def _take(self) -> bool:
        asked = time.monotonic()
        mine = {"$eq": ["$holder", self._holder]}
        free = {"_id": self._name, "$or": [{"holder": self._holder}, {"$expr": {"$lt": ["$until", "$$NOW"]}}]}
        change = {
            "epoch": {"$add": [{"$ifNull": ["$epoch", 0]}, {"$cond": [mine, 0, 1]}]},
            "holder": self._holder,
            "until": {"$add": ["$$NOW", int(TERM_SECONDS * 1000)]},
        }
        found = self._collection.find_one_and_update(free, [{"$set": change}], return_document=ReturnDocument.AFTER)
        if found is None:
            return False
        self.epoch = found["epoch"]
        self._until = asked + TERM_SECONDS - _MARGIN_SECONDS
        return True

    def _create(self) -> bool:
        """Makes the lease exist, free for whoever asks next; False when it existed already."""
        if self._collection.find_one({"_id": self._name}, {"_id": 1}) is not None:
            return False
        fresh = {"epoch": 0, "holder": "", "until": datetime.datetime(1970, 1, 1)}
        try:
            self._collection.insert_one({"_id": self._name, **fresh})
        except DuplicateKeyError:
            return False
        return True

    def _renew(self, released: threading.Event) -> None:
        while not released.wait(_RENEWAL_SECONDS):
            try:
                with self._lock:
                    # Asked again under the lock: a renewal after the release would take the lease back.
                    if released.is_set() or not self._take():
                        return
            except PyMongoError as error:
                _log.warning("the lease %s could not be renewed: %s", self._name, type(error).__name__)
