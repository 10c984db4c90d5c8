"""How a case gets on: what is open, what a status says, what an update means."""

from __future__ import annotations

import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from kith.cases.v1.case_pb2 import (
    CASE_PRIORITY_MEDIUM,
    CASE_STATUS_CLOSED,
    CASE_STATUS_NEW,
    CASE_STATUS_OPEN,
    CASE_STATUS_RESOLVED,
    CASE_STATUS_WAITING,
    Case,
)

from services.chassis.errors import InvalidArgument

OPEN = frozenset({CASE_STATUS_NEW, CASE_STATUS_OPEN, CASE_STATUS_WAITING})
SOLVED = frozenset({CASE_STATUS_RESOLVED, CASE_STATUS_CLOSED})


def complete(after: Case, before: Case | None, now: datetime.datetime) -> None:
    """Sets status and priority where they are open, and when it was solved. `now` is naive UTC.

    A case that comes solved may say when that was; one that becomes solved here was solved now.

    Raises:
        InvalidArgument: the case is part of itself.
    """
    after.status = after.status or CASE_STATUS_NEW
    after.priority = after.priority or CASE_PRIORITY_MEDIUM
    if after.parent and after.parent == after.name:
        raise InvalidArgument.of("case.parent", "a case cannot be part of itself")
    if after.status not in SOLVED:
        after.ClearField("resolve_time")
    elif before is None:
        if not after.HasField("resolve_time"):
            after.resolve_time.CopyFrom(timestamp(now))
    elif before.status not in SOLVED:
        after.resolve_time.CopyFrom(timestamp(now))
    elif not after.HasField("resolve_time"):
        after.resolve_time.CopyFrom(before.resolve_time)


def verb(after: Case, before: Case) -> str:
    """What an update means: `resolved`, `assigned` or `updated`; being solved goes first."""
    if after.status in SOLVED and before.status not in SOLVED:
        return "resolved"
    return "assigned" if after.assignee and after.assignee != before.assignee else "updated"


def resolve(case: Case, resolution: str) -> None:
    """Solves a case; one that is solved stays as it is, but for a better word on how."""
    if case.status not in SOLVED:
        case.status = CASE_STATUS_RESOLVED
    case.resolution = resolution or case.resolution


def number(count: int) -> str:
    """How people say a case's number; it grows beyond six digits."""
    return f"C-{count:06}"


def timestamp(moment: datetime.datetime) -> Timestamp:
    """A moment in naive UTC as a timestamp."""
    found = Timestamp()
    found.FromDatetime(moment)
    return found
