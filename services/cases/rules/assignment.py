"""Whom a case is given to."""

from __future__ import annotations

from kith.cases.v1.case_pb2 import Case
from kith.cases.v1.queue_pb2 import Queue

from services.cases.rules import progress

TAKING = "cases.update"
"""Who may do this can be given cases of a queue that has no members."""


def waits(case: Case) -> bool:
    """Whether somebody should be given it: it is open, and nobody works on it."""
    return case.status in progress.OPEN and not case.assignee


def standard_queue() -> Queue:
    """The queue of a tenant that has made none."""
    return Queue(display_name="Support", default=True)
