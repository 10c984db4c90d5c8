"""The one way to a MongoDB: majority and journaled writes, majority reads, and proof of it at start."""

from __future__ import annotations

from typing import Any

from pymongo import MongoClient, ReadPreference, WriteConcern
from pymongo.errors import ConfigurationError, OperationFailure
from pymongo.monitoring import CommandListener
from pymongo.read_concern import ReadConcern

from services.chassis.patience import NotYet
from services.chassis.settings import SettingError, Settings

Client = MongoClient[dict[str, Any]]

MAJORITY = WriteConcern(w="majority", j=True)
"""A write is answered when most members have it in their journals: measured elsewhere, w:1 lost 14,661 of 14,861."""
_UNAUTHORIZED = 13


def connect(
    settings: Settings, listener: CommandListener | None = None, *, answer_seconds: float | None = 30.0
) -> Client:
    """A client of the replica set that `MONGODB_URI` names. It connects in the background.

    answer_seconds: how long a command may take; None for one that takes as long as the data is large.

    Raises:
        SettingError: no URI is given, or it is none.
    """
    if not settings.mongodb_uri:
        raise SettingError("MONGODB_URI is not set: give the URI of a replica set, mongodb://host:port/?replicaSet=rs0")
    try:
        return _client(settings, listener, answer_seconds)
    except (ConfigurationError, ValueError) as error:
        # What it says would quote the URI, and with it perhaps the password.
        raise SettingError(f"MONGODB_URI is no valid MongoDB URI ({type(error).__name__})") from error


def assert_concerns(client: Client, database: str) -> None:
    """Checks that nothing weakens what we ask for: neither the URI nor the deployment's defaults.

    Raises:
        SettingError: writes would not be majority and journaled, reads not majority, or there is no replica set.
        NotYet: the replica set is still being made.
        PyMongoError: nobody answers.
    """
    handle = client.get_database(database)
    if handle.write_concern != MAJORITY:
        raise SettingError(
            f"MONGODB_URI sets write concern {handle.write_concern.document}: leave w and journal out of it"
        )
    if handle.read_concern != ReadConcern("majority") or handle.read_preference != ReadPreference.PRIMARY:
        raise SettingError("MONGODB_URI sets a read concern or preference: leave them out of it")
    hello = client.admin.command("hello")
    if hello.get("isreplicaset"):
        raise NotYet("MongoDB's replica set is not initiated yet")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise SettingError("MONGODB_URI names a single server: transactions need a replica set (mongod --replSet)")
    default = _default_write_concern(client)
    if default != "majority":
        raise SettingError(
            f"the deployment's default write concern is w:{default}: run setDefaultRWConcern with w:majority"
        )


def _client(settings: Settings, listener: CommandListener | None, answer_seconds: float | None) -> Client:
    return MongoClient(
        settings.mongodb_uri,
        w="majority",
        journal=True,
        readConcernLevel="majority",
        readPreference="primary",
        retryWrites=True,
        retryReads=True,
        serverSelectionTimeoutMS=5_000,
        connectTimeoutMS=5_000,
        # What DNS does not know yet (mongodb+srv) is looked up when it is needed, and then again.
        connect=False,
        # A silent half-open connection is noticed after this long; every call has a shorter deadline of its own.
        socketTimeoutMS=answer_seconds and int(answer_seconds * 1000),
        maxPoolSize=max(8, settings.threads * 2),
        event_listeners=[listener] if listener else [],
        appname="kith",
    )


def _default_write_concern(client: Client) -> Any:
    """What the deployment gives to writes that ask for nothing. Ours ask, so users who may not see it pass."""
    try:
        defaults = client.admin.command("getDefaultRWConcern")
    except OperationFailure as error:
        if error.code == _UNAUTHORIZED:
            return "majority"
        raise
    return defaults.get("defaultWriteConcern", {}).get("w", "majority")
