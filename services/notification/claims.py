"""Who is handing a delivery to the mail server: at most one worker at a time.

A claim is taken just before the content of the mail is sent, is renewed as long as that takes, and runs out soon after
its worker has died. The database's clock decides, so workers' clocks may differ.
"""

from __future__ import annotations

import datetime
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from services.chassis.resources import changes
from services.chassis.resources.store import Store, translated
from services.notification.records import CLAIMS
from services.notification.smtp import Undelivered

LEASE_SECONDS = 10.0
"""So long a claim outlives its worker."""

_log = logging.getLogger(__name__)
_PAUSE_SECONDS = 0.25


class Claimed(Exception):
    """Another worker is sending the same delivery: come back later."""


def await_turn(store: Store, tenant: str, delivery: str, wanted: Callable[[], bool]) -> bool:
    """Waits while another worker has the delivery, which may be a dead one; whether it is still `wanted` then.

    Raises:
        Claimed: the other one is alive and takes its time.
    """
    taken = {"_id": delivery, "tenant": tenant, "$expr": {"$gt": ["$until", "$$NOW"]}}
    end = time.monotonic() + LEASE_SECONDS + 1
    while wanted():
        with translated():
            if store.database[CLAIMS].find_one(taken, {"_id": 1}) is None:
                return True
        if time.monotonic() > end:
            raise Claimed(f"{delivery} is being sent by another worker")
        time.sleep(_PAUSE_SECONDS)
    return False


@contextmanager
def held(store: Store, tenant: str, delivery: str) -> Iterator[None]:
    """Claims a delivery for as long as the block takes; gives it back at once when the server did not take the mail.

    Raises:
        Claimed: somebody else has it.
    """
    holder = _take(store, tenant, delivery)
    mine = {"_id": delivery, "tenant": tenant, "holder": holder}
    done = threading.Event()
    renewing = threading.Thread(target=_renew, args=(store, mine, done), name="renew claim", daemon=True)
    renewing.start()
    try:
        yield
    except Undelivered:
        done.set()
        renewing.join()
        with translated():
            store.database[CLAIMS].delete_one(mine)
        raise
    finally:
        done.set()


def _take(store: Store, tenant: str, delivery: str) -> str:
    holder = changes.new_id()
    free = {"$lt": [{"$ifNull": ["$until", _LONG_AGO]}, "$$NOW"]}
    taken = {"holder": holder, "until": _until()}
    update = [{"$set": {key: {"$cond": [free, value, f"${key}"]} for key, value in taken.items()}}]
    try:
        with translated():
            claim = store.database[CLAIMS].find_one_and_update(
                {"_id": delivery, "tenant": tenant}, update, upsert=True, return_document=ReturnDocument.AFTER
            )
    except DuplicateKeyError:
        claim = None
    if claim is None or claim["holder"] != holder:
        raise Claimed(f"{delivery} is being sent by another worker")
    return holder


def _renew(store: Store, mine: dict[str, Any], done: threading.Event) -> None:
    while not done.wait(LEASE_SECONDS / 4):
        try:
            store.database[CLAIMS].update_one(mine, [{"$set": {"until": _until()}}])
        except PyMongoError as error:
            _log.warning("a claim was not renewed: %s", type(error).__name__)


def _until() -> dict[str, Any]:
    return {"$add": ["$$NOW", int(LEASE_SECONDS * 1000)]}


_LONG_AGO = datetime.datetime(1970, 1, 1)
