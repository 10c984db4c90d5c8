"""Gives open cases that nobody works on to those who can take them, one after the other in each queue."""

from __future__ import annotations

from functools import partial

from kith.cases.v1.case_pb2 import Case
from kith.cases.v1.queue_pb2 import Queue

from services.cases.queues import DEFAULT
from services.cases.rules import assignment as rules
from services.cases.rules import progress
from services.chassis.bus import members
from services.chassis.errors import NotFound
from services.chassis.resources.changes import Author
from services.chassis.resources.store import Store, translated
from services.chassis.resources.transaction import Transaction
from services.chassis.resources.turns import take_turn


def assign(tx: Transaction, name: str) -> bool:
    """Gives a case to whose turn it is in its queue, if it still waits. False when nobody can take it."""
    try:
        case = tx.get(Case, name)
    except NotFound:
        # It was deleted meanwhile.
        return True
    if not rules.waits(case):
        return True
    queue = _queue(tx, case.queue)
    candidates = members.active(tx, queue.members) if queue.members else members.holding(tx, rules.TAKING)
    if not candidates:
        return False
    assignee = take_turn(tx, queue.name, candidates)

    def give(case: Case) -> None:
        case.assignee = assignee

    tx.update(Case, name, give)
    return True


def assign_waiting(store: Store, author: Author) -> None:
    """Assigns all cases of the author's tenant that wait, the oldest first, each in a transaction of its own."""
    query = {
        "tenant": author.tenant,
        "assignee": None,
        "status": {"$in": sorted(progress.OPEN)},
        "delete_time": None,
    }
    without_takers: set[str] = set()
    with translated():
        for document in store.database["cases"].find(query, {"queue": 1}).sort("_id"):
            queue = document.get("queue", "")
            if queue in without_takers:
                continue
            if not store.transact(author, partial(assign, name=f"cases/{document['_id']}")):
                without_takers.add(queue)


def _queue(tx: Transaction, name: str) -> Queue:
    """The case's queue; the default one when that was deleted."""
    try:
        return tx.get(Queue, name)
    except NotFound:
        return DEFAULT.of(tx)
