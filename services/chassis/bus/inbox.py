"""The inbox: which events this service has handled, so that one that comes twice has one effect.

The entry is inserted in the transaction that holds the effect: both happen, or neither does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

if TYPE_CHECKING:  # an api reads INDEXES only, and handles no events
    from services.chassis.bus.events import Event
    from services.chassis.resources.transaction import Transaction

COLLECTION = "inbox"
KEPT = timedelta(days=14)
"""Longer than an event can wait in a queue, be retried or be sent again by a relay that goes back."""

INDEXES = [IndexModel([("time", ASCENDING)], name="time", expireAfterSeconds=int(KEPT.total_seconds()))]


class AlreadyHandled(Exception):
    """The event's effect is there already."""


def claim(tx: Transaction, event: Event) -> None:
    """Makes the event this transaction's own. One that is sent again on purpose (`event.replay`) may pass again.

    Raises:
        AlreadyHandled: another transaction has handled it.
    """
    collection = tx.collection(COLLECTION)
    if event.replay:
        collection.update_one({"_id": event.id}, {"$set": {"time": tx.now}}, upsert=True, session=tx.session)
        return
    try:
        collection.insert_one(_entry(tx, event), session=tx.session)
    except DuplicateKeyError:
        raise AlreadyHandled(event.id) from None


def claim_all(tx: Transaction, events: Sequence[Event]) -> None:
    """Makes several events this transaction's own, none of which is sent again on purpose.

    Raises:
        pymongo.errors.BulkWriteError: another transaction has handled one of them, or one is among them twice.
    """
    entries = [_entry(tx, event) for event in events]
    tx.collection(COLLECTION).insert_many(entries, session=tx.session)


def _entry(tx: Transaction, event: Event) -> dict[str, Any]:
    return {"_id": event.id, "time": tx.now}
