"""Records in events: canonical proto3 JSON, from documents and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from google.protobuf.message import Message

from services.chassis.resources import bson_codec, json_codec
from services.chassis.resources.schema import RecordType

M = TypeVar("M", bound=Message)
Json = dict[str, Any]


def of_document(record_type: RecordType, document: Mapping[str, Any]) -> Json:
    """The record that a document holds, with its name and etag."""
    fields = bson_codec.arguments(record_type.descriptor)(document)
    fields["name"] = record_type.name_of(document["_id"])
    fields["etag"] = str(document["_version"])
    return json_codec.encode(record_type.message(**fields))


def decode(message_class: type[M], record: Mapping[str, Any]) -> M:
    """The message of a record in an event, which may come from a newer version."""
    return json_codec.decode(message_class, record, ignore_unknown=True)


def changes(record_type: RecordType, change: Mapping[str, Any], record: Json) -> list[Json]:
    """What a Change changed, as {field: JSON path, before, after}; null where there was or is nothing.

    Empty for a new record: all of it is new.
    """
    fields = change["fields"]
    if not fields:
        return []
    # Values get their JSON form as parts of a record, since only a record knows its enums and 64-bit integers.
    before = json_codec.encode(record_type.message(**bson_codec.arguments(record_type.descriptor)(_before(fields))))
    found = []
    for field in fields:
        info = record_type.field(field["path"])
        path = info.json_path if info else field["path"]
        found.append({"field": path, "before": _at(before, path), "after": _at(record, path)})
    return found


def _before(fields: list[Mapping[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for field in fields:
        if field["before"] is not None:
            *parents, last = field["path"].split(".")
            node = document
            for parent in parents:
                node = node.setdefault(parent, {})
            node[last] = field["before"]
    return document


def _at(record: Json, path: str) -> Any:
    value: Any = record
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value
