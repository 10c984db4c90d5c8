"""The one way to a MongoDB: majority and journaled writes, majority reads, and proof of it at start."""

from __future__ import annotations

from typing import Any

from pymongo import MongoClient, ReadPreference, WriteConcern
from pymongo.monitoring import CommandListener
from pymongo.read_concern import ReadConcern

from services.chassis.settings import SettingError, Settings

Client = MongoClient[dict[str, Any]]

MAJORITY = WriteConcern(w="majority", j=True)
"""A write is answered when most members have it in their journals: measured elsewhere, w:1 lost 14,661 of 14,861."""


def connect(settings: Settings, listener: CommandListener | None = None) -> Client:
    """A client of the replica set that `MONGODB_URI` names. It connects in the background.

    Raises:
        SettingError: no URI is given.
    """
    if not settings.mongodb_uri:
        raise SettingError("MONGODB_URI is not set: give the URI of a replica set, mongodb://host:port/?replicaSet=rs0")
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
        # A silent half-open connection is noticed after this long; every call has a shorter deadline of its own.
        socketTimeoutMS=30_000,
        maxPoolSize=max(8, settings.threads * 2),
        event_listeners=[listener] if listener else [],
        appname="kith",
    )


def assert_concerns(client: Client, database: str) -> None:
    """Checks that nothing weakens what we ask for: neither the URI nor the deployment's defaults.

    Raises:
        SettingError: writes would not be majority and journaled, reads not majority, or there is no replica set.
    """
    handle = client.get_database(database)
    if handle.write_concern != MAJORITY:
        raise SettingError(
            f"MONGODB_URI sets write concern {handle.write_concern.document}: leave w and journal out of it"
        )
    if handle.read_concern != ReadConcern("majority") or handle.read_preference != ReadPreference.PRIMARY:
        raise SettingError("MONGODB_URI sets a read concern or preference: leave them out of it")
    hello = client.admin.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise SettingError("MONGODB_URI names a single server: transactions need a replica set (mongod --replSet)")
    defaults = client.admin.command("getDefaultRWConcern")
    default = defaults.get("defaultWriteConcern", {}).get("w", "majority")
    if default != "majority":
        raise SettingError(
            f"the deployment's default write concern is w:{default}: run setDefaultRWConcern with w:majority"
        )
