"""Protobuf message ↔ MongoDB document, as Python source that is generated and compiled once per message type.

A document holds the fields by their proto names and omits defaults. Enums are their numbers, timestamps are UTC
datetimes in milliseconds, nested messages are nested documents, 64-bit integers are integers.
Walking a descriptor for each message costs five times as much (`docs/performance.md`).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from services.chassis.resources.schema import TIMESTAMP

Document = dict[str, Any]
M = TypeVar("M", bound=Message)

UTC = datetime.UTC


def encode(message: Message) -> Document:
    """The document of a message, without the fields that hold their default."""
    return encoder(message.DESCRIPTOR)(message)


def decode(message_class: type[M], document: Mapping[str, Any]) -> M:
    """The message of a document; fields that the message does not know are passed over."""
    return message_class(**arguments(message_class.DESCRIPTOR)(document))


def to_datetime(timestamp: Timestamp) -> datetime.datetime:
    """A timestamp as MongoDB keeps it: UTC, cut to milliseconds."""
    return datetime.datetime.fromtimestamp(timestamp.seconds, UTC).replace(
        microsecond=timestamp.nanos // 1_000_000 * 1000, tzinfo=None
    )


def to_timestamp(moment: datetime.datetime) -> Timestamp:
    """A MongoDB datetime (naive UTC) as a timestamp."""
    seconds = int((moment - _EPOCH) // _SECOND)
    return Timestamp(seconds=seconds, nanos=moment.microsecond * 1000)


_EPOCH = datetime.datetime(1970, 1, 1)
_SECOND = datetime.timedelta(seconds=1)


@cache
def encoder(descriptor: Descriptor) -> Callable[[Message], Document]:
    """The compiled function message → document of one message type."""
    names: dict[str, Any] = {"to_datetime": to_datetime}
    lines = ["def encode(m):", " d = {}"]
    for field in descriptor.fields:
        lines += _encode_field(field, names)
    lines.append(" return d")
    return _compiled("encode", lines, names, descriptor)


@cache
def arguments(descriptor: Descriptor) -> Callable[[Mapping[str, Any]], Document]:
    """The compiled function document → keyword arguments of the message's constructor."""
    names: dict[str, Any] = {"to_timestamp": to_timestamp}
    lines = ["def arguments(d):", " k = {}"]
    for field in descriptor.fields:
        lines += _decode_field(field, names)
    lines.append(" return k")
    return _compiled("arguments", lines, names, descriptor)


def _encode_field(field: FieldDescriptor, names: dict[str, Any]) -> list[str]:
    name, message = field.name, field.message_type
    if message is None and not field.is_repeated:
        condition = f"m.HasField({name!r})" if field.has_presence else f"m.{name}"
        return [f" if {condition}: d[{name!r}] = m.{name}"]
    if _is_map(field):
        return [f" if m.{name}: d[{name!r}] = dict(m.{name})"]
    if message is None:
        return [f" if m.{name}: d[{name!r}] = list(m.{name})"]
    convert = _converter(field.name, message, names, "to_datetime", encoder)
    if field.is_repeated:
        return [f" if m.{name}: d[{name!r}] = [{convert}(x) for x in m.{name}]"]
    return [f" if m.HasField({name!r}): d[{name!r}] = {convert}(m.{name})"]


def _decode_field(field: FieldDescriptor, names: dict[str, Any]) -> list[str]:
    name, message = field.name, field.message_type
    read = [f" v = d.get({name!r})"]
    if message is None or _is_map(field):
        return [*read, f" if v is not None: k[{name!r}] = v"]
    convert = _converter(field.name, message, names, "to_timestamp", arguments)
    if field.is_repeated:
        return [*read, f" if v is not None: k[{name!r}] = [{convert}(x) for x in v]"]
    return [*read, f" if v is not None: k[{name!r}] = {convert}(v)"]


def _converter(
    field: str,
    message: Descriptor,
    names: dict[str, Any],
    timestamp: str,
    nested: Callable[[Descriptor], Callable[..., Any]],
) -> str:
    if message.full_name == TIMESTAMP:
        return timestamp

    def convert(value: Any) -> Any:
        # Looked up when it is called, not when this one is compiled: a message may contain itself.
        return nested(message)(value)

    names[f"_{field}"] = convert
    return f"_{field}"


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _compiled(function: str, lines: list[str], names: dict[str, Any], descriptor: Descriptor) -> Callable[..., Any]:
    source = compile("\n".join(lines), f"<{function} {descriptor.full_name}>", "exec")
    exec(source, names)
    compiled: Callable[..., Any] = names[function]
    return compiled
