"""Brings a service's database to the shape that this version needs, without disturbing the versions beside it.

Expand: indexes that are missing are created; nothing is taken from a version that still runs. Contract: an index that
nobody declares any more is noted with the moment at which that was first seen, and dropped by a later migration, when
every version that used it has had days to go. What `python -m services.<name> migrate` runs.
"""

from __future__ import annotations

import datetime
import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from pymongo import IndexModel
from pymongo.database import Database
from pymongo.errors import OperationFailure

from services.chassis import indexes, logs, mongo, startup
from services.chassis.indexes import Declared
from services.chassis.lease import Lease
from services.chassis.patience import NotYet
from services.chassis.resources.bson_codec import Document
from services.chassis.resources.records import Record
from services.chassis.settings import Settings

COLLECTION = "migrations"
"""The indexes that nobody declares: {_id: "contacts.email", collection, index, since}."""
OWN_PREFIX = "own_"
"""An operator's own indexes are called so: they are left alone."""

_LEASE = "migration"
_INDEX_NOT_FOUND = 27
_DEFINITIVE = frozenset({67, 72, 85, 86, 197, 11000})
"""CannotCreateIndex, InvalidOptions, IndexOptionsConflict, IndexKeySpecsConflict, InvalidIndexSpecificationOption,
DuplicateKey: trying again would not help."""
_log = logging.getLogger(__name__)


class MigrationFailed(RuntimeError):
    """The database cannot be brought into shape; the text says which index is in the way and what to do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a migration did: `collection.index` each. `unused` are those that wait to be dropped."""

    added: Sequence[str]
    retimed: Sequence[str]
    unused: Sequence[str]
    dropped: Sequence[str]


def run(service: str, records: Iterable[Record], settings: Settings) -> None:
    """Migrates a service's database as soon as MongoDB answers, and logs in one line what was done.

    Raises:
        SettingError: a setting is wrong.
        MigrationFailed: an index cannot be created.
    """
    logs.start(settings.log_level, service, "migrate")
    wanted = indexes.declared(records)
    keep = datetime.timedelta(days=settings.keep_indexes_days)
    # Building an index takes as long as the collection is large.
    with mongo.connect(settings, answer_seconds=None) as client:
        database = client[settings.database(service)]

        def attempt() -> Outcome:
            mongo.assert_concerns(client, database.name)
            with _alone(database):
                return migrate(database, wanted, keep)

        outcome = startup.until_done(attempt, threading.Event(), limited=False)
    _log.info("migrated", extra=asdict(outcome))


def migrate(
    database: Database[Document], wanted: Declared, keep: datetime.timedelta, now: datetime.datetime | None = None
) -> Outcome:
    """Creates what is missing, and drops what has been seen unused for longer than `keep`. Safe to repeat.

    now: naive UTC; this moment, if it is not given.

    Raises:
        MigrationFailed: an index cannot be created; nothing was dropped.
    """
    moment = now or datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    added, retimed = expand(database, wanted)
    unused = [(collection, name) for collection, name in indexes.compare(database, wanted).unused if _ours(name)]
    dropped = _contract(database, unused, moment - keep, moment)
    waiting = (f"{collection}.{name}" for collection, name in unused)
    return Outcome(added, retimed, [name for name in waiting if name not in dropped], dropped)


def expand(database: Database[Document], wanted: Declared) -> tuple[list[str], list[str]]:
    """Creates the indexes that are missing and corrects how long documents live; returns which, of both.

    Raises:
        MigrationFailed: an index cannot be created.
    """
    found = indexes.compare(database, wanted)
    if found.conflicts:
        raise MigrationFailed("; ".join(found.conflicts))
    for collection, models in found.missing.items():
        _create(database, collection, models)
    for collection, models in found.retimed.items():
        for model in models:
            lifetime = {key: model.document[key] for key in ("name", "expireAfterSeconds")}
            database.command("collMod", collection, index=lifetime)
    return indexes.names(found.missing), indexes.names(found.retimed)


def require(database: Database[Document], wanted: Declared) -> None:
    """Makes sure that a database is in shape, before anybody works with it.

    Raises:
        NotYet: it has not been migrated; the text names what is missing.
        SettingError: it would not keep its promises (`mongo.assert_concerns`).
        PyMongoError: it does not answer.
    """
    mongo.assert_concerns(database.client, database.name)
    found = indexes.compare(database, wanted)
    if found.conflicts:
        raise NotYet("; ".join(found.conflicts))
    missing = indexes.names(found.missing)
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise NotYet(f"the index {missing[0]}{more} is missing in {database.name}: it waits for `migrate`")
    # An index that is being built looks like one that is there.
    if Lease(database, _LEASE).taken():
        raise NotYet(f"a migration of {database.name} is under way")


def _create(database: Database[Document], collection: str, models: Sequence[IndexModel]) -> None:
    try:
        # A member that is away for long must not keep us waiting for it.
        database[collection].create_indexes(models, commitQuorum="majority")
    except OperationFailure as error:
        if error.code not in _DEFINITIVE:
            raise
        raise MigrationFailed(f"{', '.join(indexes.names({collection: models}))}: {_refusal(error)}") from error


def _refusal(error: OperationFailure) -> str:
    """Why an index cannot be created, without the values that records have."""
    details = error.details or {}
    if error.code == 11000:
        return f"records share a value in {', '.join(details.get('keyPattern', {}))}: give each its own and try again"
    return str(details.get("errmsg", details.get("codeName", error.code)))


def _contract(
    database: Database[Document],
    unused: Sequence[tuple[str, str]],
    longest: datetime.datetime,
    now: datetime.datetime,
) -> list[str]:
    """Notes what is unused from `now` on; drops what has been since `longest` or before, and returns it."""
    noted = database[COLLECTION]
    noted.delete_many({"_id": {"$nin": [f"{collection}.{name}" for collection, name in unused]}})
    dropped = []
    for collection, name in unused:
        identifier = f"{collection}.{name}"
        first = {"collection": collection, "index": name, "since": now}
        noted.update_one({"_id": identifier}, {"$setOnInsert": first}, upsert=True)
        if noted.find_one({"_id": identifier, "since": {"$lte": longest}}) is not None:
            _drop(database, collection, name)
            noted.delete_one({"_id": identifier})
            dropped.append(identifier)
    return dropped


def _drop(database: Database[Document], collection: str, name: str) -> None:
    try:
        database[collection].drop_index(name)
    except OperationFailure as error:
        if error.code != _INDEX_NOT_FOUND:
            raise


def _ours(name: str) -> bool:
    return not name.startswith(OWN_PREFIX)


@contextmanager
def _alone(database: Database[Document]) -> Iterator[None]:
    """Keeps other migrations of this database waiting. If it were lost, two would do the same: that is harmless."""
    lease = Lease(database, _LEASE)
    if not lease.acquire():
        raise NotYet("another migration is under way")
    try:
        yield
    finally:
        lease.release()
