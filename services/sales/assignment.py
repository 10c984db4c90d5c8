"""Gives leads that nobody owns to those who can take them, one after the other."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from kith.sales.v1.lead_pb2 import Lead

from services.chassis.bus import members
from services.chassis.errors import NotFound
from services.chassis.resources.changes import Author
from services.chassis.resources.store import Store, translated
from services.chassis.resources.transaction import Transaction
from services.chassis.resources.turns import take_turn
from services.sales.rules import leads

TURN = "leads"


def assign(tx: Transaction, name: str) -> bool:
    """Gives a lead to whose turn it is, if it still waits. False when nobody can take it."""
    candidates = members.holding(tx, leads.TAKING)
    if not candidates:
        return False

    def give(lead: Lead) -> None:
        if leads.waits(lead):
            lead.owner = take_turn(tx, TURN, candidates)

    # One that was deleted meanwhile needs nobody.
    with suppress(NotFound):
        tx.update(Lead, name, give)
    return True


def assign_waiting(store: Store, author: Author) -> None:
    """Assigns all leads of the author's tenant that wait, the oldest first, each in a transaction of its own."""
    query = {
        "tenant": author.tenant,
        "owner": None,
        "status": {"$in": sorted(leads.OPEN)},
        "delete_time": None,
    }
    with translated():
        waiting = store.database["leads"].find(query, {"_id": 1}).sort("_id")
        for document in waiting:
            name = f"leads/{document['_id']}"
            if not store.transact(author, partial(assign, name=name)):
                return
