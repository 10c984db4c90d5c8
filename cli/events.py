"""`kith events list | dead | replay | asyncapi`: what happened, what could not be handled, and doing it again."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from pymongo import MongoClient

from cli.running import as_json, home
from services.chassis import protos
from services.chassis.bus import parking, replay
from services.chassis.bus.connection import BusError
from services.chassis.bus.outgoing import Encoder
from services.chassis.bus.publisher import NotSent
from services.chassis.bus.topology import Topology
from services.chassis.resources.schema import RecordType
from services.chassis.settings import RETRY_DELAYS, SERVICES

SERVICE = click.Choice(SERVICES)


class Moment(click.ParamType[datetime.datetime]):
    """A point in time: RFC 3339, or how long ago (`90s`, `30m`, `2h`, `7d`). Naive UTC inside."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.datetime:
        ago = re.fullmatch(r"(\d+)([smhd])", str(value))
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        if ago:
            return now - datetime.timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
        try:
            moment = datetime.datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time: give 2026-11-22T08:00:00Z or 2h", param, ctx)
        return moment.astimezone(datetime.UTC).replace(tzinfo=None) if moment.tzinfo else moment


@click.group()
def events() -> None:
    """List, find and replay events.

    MONGODB_URI, AMQP_URI and KITH_DATABASE_PREFIX say where they are; without them it is the platform that `kith up`
    started here.
    """


@events.command("list")
@click.option("--service", "services", type=SERVICE, multiple=True, help="Whose events; all by default.")
@click.option("--tenant", help="Only of this tenant.")
@click.option("--record", help="Only of this record, by its resource name.")
@click.option("--since", type=Moment(), help="Only since then: 2026-11-22T08:00:00Z, or 2h ago.")
@click.option("--limit", default=100, show_default=True, help="At most so many, the oldest ones.")
@as_json
def list_(
    services: Sequence[str],
    tenant: str | None,
    record: str | None,
    since: datetime.datetime | None,
    limit: int,
    json_: bool,
) -> None:
    """List events from the services' logs, oldest first; as JSON, one CloudEvent a line."""
    query = {name: value for name, value in (("tenant", tenant), ("record", record)) if value}
    encoder = _encoder()
    with _databases(services or SERVICES) as databases:
        for _, (service, change) in zip(range(limit), replay.log(databases, since, query), strict=False):
            if json_:
                click.echo(json.dumps(encoder.cloud_event(change), ensure_ascii=False))
            else:
                click.echo(
                    f"{change['time'].isoformat(timespec='milliseconds')}Z  {service}.{change['kind']}.{change['verb']}"
                    f"  {change['record']} v{change['version']}  by {change['actor']}  {change['_id']}"
                )


@events.command()
@click.option("--service", "services", type=SERVICE, multiple=True, help="Whose parked events; all by default.")
@click.option("--id", "ids", multiple=True, help="Only this event.")
@click.option("--drop", is_flag=True, help="Throw them away for good.")
@click.option("--limit", default=100, show_default=True, help="At most so many of each service.")
@as_json
def dead(services: Sequence[str], ids: Sequence[str], drop: bool, limit: int, json_: bool) -> None:
    """List parked events with their reasons. They stay parked, unless you drop them."""
    act = parking.drop if drop else parking.look
    with _bus() as uri:
        found = [one for service in _listeners(services) for one in act(uri, service, limit, _among(ids))]
    _show(found, json_, "dropped" if drop else "parked")


@events.command("replay")
@click.option("--service", type=SERVICE, required=True, help="Who is to hear them again.")
@click.option("--dead", "dead_", is_flag=True, help="Send back what is parked, instead of events from the logs.")
@click.option("--from-service", "only", type=SERVICE, multiple=True, help="Only events of this service.")
@click.option("--since", type=Moment(), help="Only events since then: 2026-11-22T08:00:00Z, or 2h ago.")
@click.option("--tenant", help="Only events of this tenant.")
@click.option("--record", help="Only events of this record, by its resource name.")
@click.option("--id", "ids", multiple=True, help="Only this event.")
@as_json
def replay_(
    service: str,
    dead_: bool,
    only: Sequence[str],
    since: datetime.datetime | None,
    tenant: str | None,
    record: str | None,
    ids: Sequence[str],
    json_: bool,
) -> None:
    """Send events to a service again: from the logs, or with --dead what is parked.

    A replay repairs and does not double: handlers compare versions.
    """
    if dead_:
        with _bus() as uri:
            _show(parking.send_back(uri, service, _ALL, _among(ids)), json_, "sent back")
        return
    query: dict[str, Any] = {name: value for name, value in (("tenant", tenant), ("record", record)) if value}
    if ids:
        query["_id"] = {"$in": list(ids)}
    topology = _topology()
    listener = topology.listener(service)
    with _databases(replay.sources(listener, only)) as databases, _bus() as uri:
        changes = replay.heard_by(listener, replay.log(databases, since, query))
        sent = replay.send(uri, topology, service, changes, _encoder())
    click.echo(json.dumps({"service": service, "sent": sent}) if json_ else f"{sent} events sent to {service} again")


@events.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of the terminal.")
def asyncapi(output: Path | None) -> None:
    """Write the catalogue of all events as an AsyncAPI 3 document."""
    from services.chassis import asyncapi as catalogue

    text = json.dumps(catalogue.document(), indent=2, ensure_ascii=False)
    if output:
        output.write_text(text + "\n")
    else:
        click.echo(text)


def _show(found: Sequence[parking.Parked], json_: bool, what: str) -> None:
    if json_:
        click.echo(json.dumps([dataclasses.asdict(one) for one in found], indent=2, ensure_ascii=False))
        return
    for one in found:
        click.echo(f"{one.last}  {one.service}  {one.type or 'no event'}  {one.record}  {one.id}")
        click.echo(f"    {one.reason or 'came back too often'} (attempt {one.attempts}, first {one.first or '?'})")
    click.echo(f"{len(found)} {what}")


def _listeners(services: Sequence[str]) -> list[str]:
    hearing = [listener.service for listener in _topology().listeners]
    return [service for service in hearing if not services or service in services]


def _topology() -> Topology:
    return Topology.of(protos.files(), retries=len(RETRY_DELAYS))


def _encoder() -> Encoder:
    return Encoder(RecordType.of(protos.message_class(record)) for record in protos.records())


@contextmanager
def _databases(services: Sequence[str]) -> Iterator[replay.Databases]:
    prefix = os.environ.get("KITH_DATABASE_PREFIX", "kith_")
    address = _address("MONGODB_URI", "mongodb_uri")
    with MongoClient[dict[str, Any]](address, serverSelectionTimeoutMS=5_000) as client:
        yield {service: client[prefix + service] for service in services}


@contextmanager
def _bus() -> Iterator[str]:
    """The broker's URI; what goes wrong with it is told in a line."""
    try:
        yield _address("AMQP_URI", "amqp_uri")
    except (BusError, NotSent) as error:
        raise click.ClickException(str(error)) from error


def _among(ids: Sequence[str]) -> parking.Wanted:
    return lambda one: not ids or one.id in ids


def _address(variable: str, field: str) -> str:
    """A server's address, from the environment or from the platform that runs here."""
    address = os.environ.get(variable, "")
    if not address:
        from cli.local import client

        address = (client.read(home()) or {}).get(field, "")
    if not address:
        raise click.ClickException(f"Kith is not up here and {variable} is not set: `make up`, or name the server.")
    return address


_ALL = 1_000_000
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
