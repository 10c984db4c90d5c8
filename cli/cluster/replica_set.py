"""`kith replica-set`: makes a MongoDB server the only member of its replica set, for try-outs in a cluster."""

from __future__ import annotations

import time

import click
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from cli.local.mongodb import form_set

_ASK_SECONDS = 2.0
_PAUSE_SECONDS = 0.5


def primary_within(uri: str, name: str, member: str, patience_seconds: float) -> bool:
    """Initiates the set if it is not yet, and waits until its member is primary.

    Returns: whether it was this call that initiated it.

    Raises:
        TimeoutError: it did not become primary in time; the text says what the server said last.
    """
    deadline = time.monotonic() + patience_seconds
    initiated, problem = False, "it is not primary"
    while True:
        try:
            with MongoClient[dict[str, object]](
                uri, directConnection=True, serverSelectionTimeoutMS=int(_ASK_SECONDS * 1000)
            ) as client:
                initiated = form_set(client, name, member) or initiated
                if client.admin.command("hello").get("isWritablePrimary"):
                    return initiated
        except PyMongoError as error:
            problem = str(error).partition(", full error")[0]
        if time.monotonic() > deadline:
            raise TimeoutError(problem)
        time.sleep(_PAUSE_SECONDS)


@click.command("replica-set")
@click.option("--uri", required=True, help="The server: mongodb://host:27017")
@click.option("--name", default="rs0", show_default=True, help="The set, as the server was told with --replSet.")
@click.option("--member", required=True, metavar="HOST:PORT", help="How clients reach the server.")
@click.option("--patience", default=300.0, show_default=True, help="Seconds that all of it may take.")
def replica_set(uri: str, name: str, member: str, patience: float) -> None:
    """Wait for a MongoDB server, make it the only member of a replica set, and wait until it is primary.

    A set that is initiated already stays as it is.
    """
    try:
        initiated = primary_within(uri, name, member, patience)
    except TimeoutError as error:
        raise click.ClickException(
            f"{member} did not become primary of {name} within {patience:g} s: {error}"
        ) from error
    click.echo(f"{member} is primary of {name}" + (", which was initiated now" if initiated else ""))
