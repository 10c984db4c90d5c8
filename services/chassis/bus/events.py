"""Events: a Change as a CloudEvent (v1.0, structured JSON), and what a handler sees of it."""

from __future__ import annotations

import builtins
import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from google.protobuf.message import Message

from services.chassis.bus import record_json
from services.chassis.resources.schema import RecordType

CONTENT_TYPE = "application/cloudevents+json"
SPEC_VERSION = "1.0"
SCHEMA_VERSION = "v1"

M = TypeVar("M", bound=Message)
Json = dict[str, Any]


class Undecodable(ValueError):
    """A message that is no event of ours; the text says why and quotes none of it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one record, as handlers see it.

    type: `kith.<service>.v1.<kind>.<verb>`; record: its resource name; version: the record's, counted from 1;
    actor: `users/…` or `services/…`; traceparent: of the change, the handler's own span is its child;
    data: `record` (canonical JSON after the change) and `changes` ({field, before, after}).
    replay: sent again on purpose, so the inbox lets it pass; attempt: counted from 1.
    """

    id: str
    tenant: str
    type: str
    service: str
    kind: str
    verb: str
    record: str
    version: int
    actor: str
    time: datetime.datetime
    traceparent: str
    data: Json
    replay: bool = False
    attempt: int = 1

    @property
    def key(self) -> str:
        """The routing key, `lead.created`."""
        return f"{self.kind}.{self.verb}"

    def message(self, message_class: builtins.type[M]) -> M:
        """The record as it was after the change; fields that this version does not know are passed over.

        Raises:
            TypeError: the event is about another kind of record.
        """
        record_type = RecordType.of(message_class)
        if record_type.kind != self.kind:
            raise TypeError(f"a {self.kind} event holds no {record_type.kind}")
        return record_json.decode(message_class, self.data["record"])


def routing_key(change: Mapping[str, Any]) -> str:
    """The routing key of a Change: `lead.created`."""
    return f"{change['kind']}.{change['verb']}"


def exchange(service: str) -> str:
    """The topic exchange on which a service tells what happened: `sales.events`."""
    return f"{service}.events"


def cloud_event(record_type: RecordType, change: Mapping[str, Any]) -> Json:
    """The CloudEvent of a Change document; always the same for the same Change."""
    service = record_type.service
    record = record_json.of_document(record_type, change["after"])
    return {
        "specversion": SPEC_VERSION,
        "id": change["_id"],
        "source": f"/kith/{service}",
        "type": f"kith.{service}.{SCHEMA_VERSION}.{change['kind']}.{change['verb']}",
        "subject": change["record"],
        "time": change["time"].isoformat(timespec="milliseconds") + "Z",
        "datacontenttype": "application/json",
        "tenant": change["tenant"],
        "recordversion": change["version"],
        "actor": change["actor"],
        "traceparent": change.get("trace", ""),
        "data": {"record": record, "changes": record_json.changes(record_type, change, record)},
    }


def encode(event: Mapping[str, Any]) -> bytes:
    """A CloudEvent as the bytes that travel."""
    return orjson.dumps(event)


def decode(body: bytes | str, *, replay: bool = False, attempt: int = 1, traceparent: str = "") -> Event:
    """The event in a message's body; a `traceparent` from the message's headers goes before the body's.

    Raises:
        Undecodable: it is no JSON, no CloudEvent, of an unknown schema, or of no tenant.
    """
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Undecodable("the body is not JSON") from error
    if not isinstance(fields, dict):
        raise Undecodable("the body is no JSON object")
    for name, kind in _REQUIRED.items():
        if not isinstance(fields.get(name), kind) or not fields[name]:
            raise Undecodable(f"attribute {name} is missing or of the wrong type")
    if fields["specversion"] != SPEC_VERSION:
        raise Undecodable("unknown specversion")
    service, kind_of_record, verb = _parse_type(fields["type"])
    if not isinstance(fields["data"].get("record"), dict):
        raise Undecodable("data.record is missing")
    return Event(
        id=fields["id"],
        tenant=fields["tenant"],
        type=fields["type"],
        service=service,
        kind=kind_of_record,
        verb=verb,
        record=fields["subject"],
        version=fields["recordversion"],
        actor=str(fields.get("actor", "")),
        time=_parse_time(fields["time"]),
        traceparent=traceparent or str(fields.get("traceparent", "")),
        data=fields["data"],
        replay=replay,
        attempt=attempt,
    )


def _parse_type(name: str) -> tuple[str, str, str]:
    parts = name.split(".")
    if len(parts) != 5 or parts[0] != "kith" or parts[2] != SCHEMA_VERSION or not all(parts):
        raise Undecodable("unknown event type or schema version")
    return parts[1], parts[3], parts[4]


def _parse_time(text: str) -> datetime.datetime:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise Undecodable("attribute time is no RFC 3339 timestamp") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


_REQUIRED: dict[str, type] = {
    "specversion": str,
    "id": str,
    "type": str,
    "subject": str,
    "time": str,
    "tenant": str,
    "recordversion": int,
    "data": dict,
}
