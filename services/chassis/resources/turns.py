"""Who is next: work goes round among candidates, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from services.chassis.resources.transaction import Transaction

COLLECTION = "turns"


def take_turn(tx: Transaction, turn: str, candidates: Sequence[str]) -> str:
    """The candidate after the one who was chosen last in the tenant's `turn`; at least one candidate is needed.

    The choice is stored in the transaction: two at once meet there, and one of them is run again.
    """
    collection = tx.collection(COLLECTION)
    key = {"_id": f"{tx.tenant} {turn}", "tenant": tx.tenant}
    last = collection.find_one(key, session=tx.session)
    chosen = after(candidates, last["last"] if last else "")
    collection.update_one(key, {"$set": {"last": chosen}}, upsert=True, session=tx.session)
    return chosen


def after(candidates: Sequence[str], last: str) -> str:
    """The next candidate in the order of names, and after the last one the first: whoever comes or goes, it goes on."""
    ordered = sorted(candidates)
    return next((candidate for candidate in ordered if candidate > last), ordered[0])
