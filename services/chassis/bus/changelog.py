"""Reads a service's Changes as they are committed, from wherever a relay stopped."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pymongo import ASCENDING
from pymongo.change_stream import CollectionChangeStream
from pymongo.database import Database
from pymongo.errors import OperationFailure

from services.chassis.bus.progress import Progress, Token
from services.chassis.resources.changes import COLLECTION

_log = logging.getLogger(__name__)
Change = Mapping[str, Any]
Stream = CollectionChangeStream[dict[str, Any]]

OVERLAP = datetime.timedelta(minutes=5)
"""Ids are made before their transaction commits, and clocks of hosts differ: a scan goes back so far. MongoDB ends
a transaction after one minute; events that are sent again are dropped by the inboxes."""

_AWAIT_MILLISECONDS = 1_000
_PIPELINE: list[Mapping[str, Any]] = [{"$match": {"operationType": "insert"}}, {"$project": {"fullDocument": 1}}]
_TOO_OLD = frozenset({136, 222, 260, 280, 286})
"""CappedPositionLost, CloseChangeStream, InvalidResumeToken, ChangeStreamFatalError, ChangeStreamHistoryLost."""


@contextmanager
def tail(database: Database[dict[str, Any]], start: Progress) -> Iterator[Iterator[tuple[Change | None, Progress]]]:
    """Changes in the order of their commit, each with the point that is reached when it is published.

    Goes on at the resume token; if there is none, or the oplog no longer reaches back to it, the log itself is read
    first. Yields (None, point) about once a second when nothing happens.
    """
    stream, lost = _open(database, start)
    with stream:
        yield _walk(database, stream, start, lost)


def since(
    database: Database[dict[str, Any]], moment: datetime.datetime | None, query: Mapping[str, Any] | None = None
) -> Iterator[Change]:
    """Changes in the order of their ids, from a moment (naive UTC) on."""
    bounds = {"_id": {"$gte": _id_of(moment)}} if moment else {}
    yield from database[COLLECTION].find({**bounds, **(query or {})}, {"request": 0}).sort("_id", ASCENDING)


def _open(database: Database[dict[str, Any]], start: Progress) -> tuple[Stream, bool]:
    if start.token is not None:
        try:
            return _watch(database, start.token), False
        except OperationFailure as error:
            if error.code not in _TOO_OLD:
                raise
                _log.warning("the oplog does not reach back to the last position: reading the log since %s", start.time)
    return _watch(database, None), True


def _watch(database: Database[dict[str, Any]], token: Token | None) -> Stream:
    return database[COLLECTION].watch(_PIPELINE, resume_after=token, max_await_time_ms=_AWAIT_MILLISECONDS)


def _walk(
    database: Database[dict[str, Any]], stream: Stream, start: Progress, lost: bool
) -> Iterator[tuple[Change | None, Progress]]:
    time = start.time
    if lost:
        # The stream is open already: what is committed from now on is in it, all that was before is in the scan.
        for change in since(database, time and time - OVERLAP):
            time = max(time or change["time"], change["time"])
            yield change, Progress(None, time)
    while stream.alive:
        event = stream.try_next()
        if event is not None:
            time = event["fullDocument"]["time"]
        yield event and event["fullDocument"], Progress(_token(stream), time)


def _token(stream: Stream) -> Token | None:
    token = stream.resume_token
    return dict(token) if token is not None else None


def _id_of(moment: datetime.datetime) -> str:
    """The smallest id (UUID version 7) of a moment, as far as comparing goes."""
    milliseconds = int(moment.replace(tzinfo=datetime.UTC).timestamp() * 1000)
    digits = f"{max(milliseconds, 0):012x}"
    return f"{digits[:8]}-{digits[8:]}"
