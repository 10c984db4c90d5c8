"""Counts attempts to sign in, in the database, so that the limit holds over all replicas and restarts.

An attempt is counted before the password is looked at: a thousand at once get no more tries than a thousand in a row.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from services.chassis.errors import ResourceExhausted
from services.chassis.resources.bson_codec import Document
from services.identity.rules.attempts import FORGOTTEN_SECONDS, PER_ADDRESS, PER_USER

COLLECTION = "attempts"
INDEXES = [IndexModel([("expire_time", ASCENDING)], name="expire", expireAfterSeconds=0)]


class Attempts:
    """The attempts of users (by tenant and e-mail as they were typed) and of network addresses."""

    def __init__(self, database: Database[Document]) -> None:
        self._collection = database[COLLECTION]

    def admit_user(self, tenant: str, email: str) -> None:
        """Counts an attempt for an e-mail address, known or not.

        Raises:
            ResourceExhausted: it is too early for another one; the metadata says for how many seconds.
        """
        self._admit(_user_key(tenant, email), PER_USER)

    def admit_address(self, address: str) -> None:
        """Counts an attempt from a network address; an unknown one is not limited.

        Raises:
            ResourceExhausted: as above.
        """
        if address:
            self._admit(_key("address", address), PER_ADDRESS)

    def succeeded(self, tenant: str, email: str, address: str) -> None:
        """Forgets the failures of the user, and takes this attempt off those of the address."""
        self._collection.delete_one({"_id": _user_key(tenant, email)})
        if address:
            self._collection.update_one({"_id": _key("address", address), "count": {"$gt": 0}}, {"$inc": {"count": -1}})

    def _admit(self, key: str, waits: Sequence[int]) -> None:
        now = datetime.datetime.now(datetime.UTC)
        try:
            self._collection.update_one({"_id": key, "until": {"$lte": now}}, _count(now, waits), upsert=True)
        except DuplicateKeyError:
            # There is such a document, but its time has not come.
            self._refuse(key, now)

    def _refuse(self, key: str, now: datetime.datetime) -> None:
        document = self._collection.find_one({"_id": key}) or {}
        until = document.get("until", now.replace(tzinfo=None))
        seconds = max(1, int((until - now.replace(tzinfo=None)).total_seconds()) + 1)
        raise ResourceExhausted(
            f"too many failed attempts to sign in: try again in {seconds} seconds",
            reason="TOO_MANY_ATTEMPTS",
            metadata={"retry_after_seconds": str(seconds)},
        )


def _count(now: datetime.datetime, waits: Sequence[int]) -> list[dict[str, Any]]:
    """The update that adds an attempt and sets when the next one may come, in one step."""
    milliseconds = [seconds * 1000 for seconds in waits]
    wait = {"$arrayElemAt": [milliseconds, {"$min": ["$count", len(waits) - 1]}]}
    return [
        {"$set": {"count": {"$add": [{"$ifNull": ["$count", 0]}, 1]}}},
        {
            "$set": {
                "until": {"$add": [now, wait]},
                "expire_time": now + datetime.timedelta(seconds=FORGOTTEN_SECONDS),
            }
        },
    ]


def _user_key(tenant: str, email: str) -> str:
    return _key("user", f"{tenant.lower()} {email.strip().lower()}")


def _key(kind: str, value: str) -> str:
    """Hashed, so that this collection says nothing about people."""
    return f"{kind}:{hashlib.sha256(value.encode()).hexdigest()}"
