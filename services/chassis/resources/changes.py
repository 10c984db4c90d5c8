"""The Change: history entry, outbox row, replayable event and answer to a repeated request, in one document."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import uuid_utils
from google.protobuf import struct_pb2
from google.protobuf.json_format import ParseDict
from kith.type.v1 import change_pb2
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.chassis.resources.bson_codec import Document, to_timestamp
from services.chassis.resources.schema import RecordType

COLLECTION = "changes"
REQUEST_DAYS = 7
"""So long a repeated request is answered as the first one was."""

INDEXES = [
    IndexModel([("tenant", ASCENDING), ("record", ASCENDING), ("version", DESCENDING)], name="record"),
    IndexModel(
        [("tenant", ASCENDING), ("request.key", ASCENDING)],
        name="request",
        unique=True,
        partialFilterExpression={"request.key": {"$exists": True}},
    ),
    IndexModel([("tenant", ASCENDING), ("_id", ASCENDING)], name="log"),
    # Holds only what can still be asked for again: that is what `requests.forget_expired` looks through.
    IndexModel([("time", ASCENDING)], name="request_time", partialFilterExpression={"request.key": {"$exists": True}}),
]
_INTERNAL = ("_words", "_pairs")
_NOT_HISTORY = frozenset({"_id", "tenant", "_version", "creator", "create_time", "update_time", *_INTERNAL})


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes something, for whom and in which trace; `subject` is `users/…` or `services/…`.

    `permissions` are the caller's, for hooks whose rule depends on them: nobody grants what they do not hold.
    """

    tenant: str
    subject: str
    traceparent: str = ""
    permissions: tuple[str, ...] = ()


def new_id() -> str:
    """A UUID version 7: unique, and later ones sort after earlier ones."""
    return str(uuid_utils.uuid7())


def change_document(
    author: Author,
    record_type: RecordType,
    verb: str,
    time: datetime.datetime,
    before: Document | None,
    after: Document,
) -> Document:
    """The Change that leads from one document of a record to the next. `fields` is empty when there was none before."""
    return {
        "_id": new_id(),
        "tenant": author.tenant,
        "record": record_type.name_of(after["_id"]),
        "kind": record_type.kind,
        "verb": verb,
        "version": after["_version"],
        "actor": author.subject,
        "trace": author.traceparent,
        "time": time,
        "fields": [] if before is None else list(differences(before, after)),
        "after": {key: value for key, value in after.items() if key not in _INTERNAL},
    }


def differences(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[Document]:
    """The fields that differ, as {path, before, after}, in the proto's order; nested ones singly, lists as a whole."""
    for key in dict.fromkeys([*after, *before]):
        old, new = before.get(key), after.get(key)
        if old == new or (not path and key in _NOT_HISTORY):
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            yield from differences(old, new, f"{path}{key}.")
        else:
            yield {"path": path + key, "before": old, "after": new}


def to_message(record_type: RecordType, change: Mapping[str, Any]) -> change_pb2.Change:
    """A Change as the API shows it."""
    return change_pb2.Change(
        id=change["_id"],
        record=change["record"],
        verb=change["verb"],
        version=change["version"],
        actor=change["actor"],
        time=to_timestamp(change["time"]),
        trace_id=trace_id(change["trace"]),
        fields=[_field_change(record_type, field) for field in _fields_of(change)],
    )


def trace_id(traceparent: str) -> str:
    """The 32 hexadecimal digits in a W3C traceparent, or an empty string."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) == 4 else ""


def _fields_of(change: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What changed; for a new record that is everything that it has."""
    if change["version"] > 1 or change["fields"]:
        yield from change["fields"]
    else:
        yield from differences({}, change["after"])


def _field_change(record_type: RecordType, field: Mapping[str, Any]) -> change_pb2.FieldChange:
    info = record_type.field(field["path"])
    message = change_pb2.FieldChange(field=info.json_path if info else field["path"])
    for side in ("before", "after"):
        if field[side] is not None:
            getattr(message, side).CopyFrom(ParseDict(_plain(field[side], info), struct_pb2.Value()))
    return message


def _plain(value: Any, info: Any) -> Any:
    """A stored value as JSON has it: enums by name, moments in RFC 3339."""
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="milliseconds") + "Z"
    if isinstance(value, dict):
        return {key: _plain(item, None) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, info) for item in value]
    enum = info.descriptor.enum_type if info is not None else None
    if enum is not None and value in enum.values_by_number:
        return enum.values_by_number[value].name
    return value
