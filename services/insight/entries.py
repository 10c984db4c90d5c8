"""A timeline entry made of an event alone, stored in the engine's own shape, so that it lists and searches."""

from __future__ import annotations

import datetime
from typing import Any

from google.protobuf.message import Message
from kith.insight.v1.timeline_entry_pb2 import TimelineEntry

from services.chassis.bus.events import Event
from services.chassis.resources import bson_codec
from services.chassis.resources.bson_codec import Document
from services.chassis.resources.changes import trace_id
from services.chassis.resources.schema import FieldInfo, RecordType
from services.insight.rules import wording
from services.insight.rules.wording import Difference

MAX_REFERENCES = 50
_MONEY = "kith.type.v1.Money"


def document(event: Event, kind: RecordType, record: Message, references: list[str]) -> Document:
    """The entry of an event, without its subjects."""
    moment = bson_codec.to_timestamp(event.time.astimezone(datetime.UTC).replace(tzinfo=None))
    entry = TimelineEntry(
        create_time=moment,
        update_time=moment,
        creator="services/insight",
        references=[event.record, *(name for name in references if name != event.record)][:MAX_REFERENCES],
        record=event.record,
        kind=event.kind,
        verb=event.verb,
        title=_title(event, kind, record),
        event=event.id,
        event_time=moment,
        actor=event.actor,
        trace_id=trace_id(event.traceparent),
        record_version=event.version,
    )
    return {"_version": 1, **bson_codec.encode(entry)}


def _title(event: Event, kind: RecordType, record: Message) -> str:
    return wording.title(
        event.kind,
        event.verb,
        number=_number(kind, record),
        name=_name(record),
        differences=[_difference(kind, change) for change in event.data.get("changes", [])],
    )


def _number(kind: RecordType, record: Any) -> str:
    """What people call the record by when it is numbered: its first own field, if that is a number by name."""
    first = kind.descriptor.fields_by_number.get(10)
    return str(getattr(record, first.name)) if first is not None and first.name.endswith("_number") else ""


def _name(record: Message) -> str:
    """What people call the record: the first of the usual fields that it has and that says something."""
    for fields in _NAMES:
        parts = [getattr(record, field, "") for field in fields]
        name = " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip())
        if name:
            return name
    return ""


def _difference(kind: RecordType, change: dict[str, Any]) -> Difference:
    info = kind.field(change["field"])
    if info is None:
        return Difference(wording.words(change["field"]), quiet=True)
    parent = info.descriptor.containing_type
    if parent is not None and parent.full_name == _MONEY:
        return Difference(wording.words(change["field"].rpartition(".")[0]), quiet=True)
    label = wording.words(change["field"])
    before, after = _shown(info, change.get("before")), _shown(info, change.get("after"))
    if info.personal or info.reference or info.repeated or "" in (before, after):
        return Difference(label, quiet=True)
    return Difference(label, before, after)


def _shown(info: FieldInfo, value: Any) -> str | None:
    """A value in a few words, None for no value, an empty text for one that is too much for a line."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return str(value)
    if not isinstance(value, str):
        return ""
    if info.descriptor.enum_type is not None:
        return wording.enum_word(info.descriptor.enum_type.name, value)
    if info.is_timestamp:
        return value[:16].replace("T", " ")
    return value if len(value) <= wording.MAX_VALUE and value.isprintable() else ""


_NAMES = (("display_name",), ("subject",), ("given_name", "family_name"), ("company",), ("email",))
