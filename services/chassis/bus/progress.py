"""How far a relay has come: the change stream's resume token, and the time of the last change for want of one."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

COLLECTION = "relay"
_ID = "changes"
Token = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """A point in the log. Everything before `token` is published; without one, everything before `time` is.

    token: None when there is no stream position, only a scan of the log; time: naive UTC, None at the very beginning.
    """

    token: Token | None = None
    time: datetime.datetime | None = None


def load(database: Database[dict[str, Any]]) -> Progress:
    """The saved point, or the beginning."""
    saved = database[COLLECTION].find_one({"_id": _ID}) or {}
    return Progress(saved.get("token"), saved.get("time"))


def save(database: Database[dict[str, Any]], progress: Progress, epoch: int) -> bool:
    """Saves a point for the holder of the lease's `epoch`; False when a later holder has saved one."""
    point = {"token": progress.token, "time": progress.time, "epoch": epoch}
    try:
        database[COLLECTION].update_one({"_id": _ID, "epoch": {"$lte": epoch}}, {"$set": point}, upsert=True)
    except DuplicateKeyError:
        return False
    return True
