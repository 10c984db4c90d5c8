"""Who is handing a delivery to the mail server: at most one worker at a time, for a limited time.

A claim is taken just before the content of the mail is sent and ends by itself; the database's clock decides.
"""

from __future__ import annotations

import datetime

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.chassis.resources import changes
from services.chassis.resources.store import Store, translated
from services.notification.records import CLAIMS
from services.notification.smtp import TIMEOUT_SECONDS

LEASE_SECONDS = 3 * TIMEOUT_SECONDS + 10
"""Longer than the server can take for the three steps of sending the content, so no claim ends while it is used."""


class Claimed(Exception):
    """Another worker is sending the same delivery, or died while it did: come back later."""


def take(store: Store, tenant: str, delivery: str) -> None:
    """Claims a delivery.

    Raises:
        Claimed: somebody else has it.
    """
    holder = changes.new_id()
    free = {"$lt": [{"$ifNull": ["$until", _LONG_AGO]}, "$$NOW"]}
    taken = {"holder": holder, "until": {"$add": ["$$NOW", int(LEASE_SECONDS * 1000)]}}
    update = [{"$set": {key: {"$cond": [free, value, f"${key}"]} for key, value in taken.items()}}]
    try:
        with translated():
            claim = store.database[CLAIMS].find_one_and_update(
                {"_id": delivery, "tenant": tenant}, update, upsert=True, return_document=ReturnDocument.AFTER
            )
    except DuplicateKeyError:
        claim = None
    if claim is None or claim["holder"] != holder:
        raise Claimed(f"{delivery} is being sent by another worker")


def release(store: Store, tenant: str, delivery: str) -> None:
    """Gives a claim back when the server is known not to have taken the mail."""
    with translated():
        store.database[CLAIMS].delete_one({"_id": delivery, "tenant": tenant})


_LONG_AGO = datetime.datetime(1970, 1, 1)
