"""Read models that are right in whatever order events come: the higher version of a record wins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.chassis.resources.transaction import Transaction

TOMBSTONE = "_deleted"


def upsert_if_newer(
    tx: Transaction, collection: str, key: str, version: int, document: Mapping[str, Any] | None
) -> bool:
    """Stores what a record's event says under `key`, unless an event of the same or a later version came before.

    `document` is stored with the tenant and `_version`; None leaves a tombstone, so that an update that comes after
    the deletion does not bring the record back. Returns whether anything was stored.
    """
    target = tx.collection(collection)
    stored = target.find_one({"_id": key, "tenant": tx.tenant}, {"_version": 1}, session=tx.session)
    if stored is not None and stored["_version"] >= version:
        return False
    content = {TOMBSTONE: True} if document is None else dict(document)
    content |= {"_id": key, "tenant": tx.tenant, "_version": version}
    if stored is None:
        # Should another event of the same record be first, this is a write conflict and the transaction runs again.
        target.insert_one(content, session=tx.session)
    else:
        target.replace_one({"_id": key, "tenant": tx.tenant}, content, session=tx.session)
    return True


def find(tx: Transaction, collection: str, key: str) -> dict[str, Any] | None:
    """What is stored under `key` in the transaction's tenant; None for a tombstone too."""
    return tx.collection(collection).find_one(
        {"_id": key, "tenant": tx.tenant, TOMBSTONE: {"$exists": False}}, session=tx.session
    )
