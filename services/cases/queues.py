"""The tenant's default queue, which is there from the first case on, and which queues must stay."""

from __future__ import annotations

from kith.cases.v1.case_pb2 import Case
from kith.cases.v1.queue_pb2 import Queue

from services.cases.rules import assignment, progress
from services.chassis.errors import FailedPrecondition
from services.chassis.resources.defaults import Default
from services.chassis.resources.transaction import Transaction

DEFAULT = Default(Queue, assignment.standard_queue)


def refuse_deletion(tx: Transaction, name: str) -> None:
    """To be called before a deletion.

    Raises:
        FailedPrecondition: it is the default queue, or open cases wait in it.
    """
    DEFAULT.refuse_deletion(tx, name)
    if tx.find(Case, {"queue": name, "status": {"$in": sorted(progress.OPEN)}}, limit=1):
        raise FailedPrecondition("open cases wait in this queue: move them first", reason="QUEUE_IN_USE")
