"""JSON to the keyword arguments of a message's constructor: one walk that names the field that is wrong.

A decoder is a closure over one table per message type: JSON name to (field, converter). Tables are built once.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.api import field_behavior_pb2, resource_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from services.chassis.errors import InvalidArgument, Violation
from services.chassis.resources import json_values
from services.chassis.resources.json_values import Converter, Refusal, shown

Fields = dict[str, Any]


class JsonRefused(InvalidArgument):
    """A JSON value is wrong. `violations` names the proto path, `json_path` is the path as the client wrote it."""

    def __init__(self, refusal: Refusal) -> None:
        path = joined(refusal.proto[::-1])
        self.json_path = joined(refusal.json[::-1])
        self.expected = refusal.expected
        message = f"{self.json_path} {refusal.expected}" if path else f"The value {refusal.expected}"
        super().__init__(message, violations=(Violation(path, refusal.expected),))


@cache
def decoder(message: Descriptor, drop_output_only: bool = False, ignore_unknown: bool = False) -> Converter:
    """The decoder of a message type: JSON object to constructor arguments. Raises `Refusal`."""
    known = json_values.WELL_KNOWN.get(message.full_name)
    if known is not None:
        return known
    if message.full_name in _WRAPPERS:
        return _wrapper(message)
    options = (drop_output_only, ignore_unknown)
    table: dict[str, tuple[str, Converter | None]] = {}
    names = [field.json_name for field in message.fields]

    def fill() -> None:
        # Filled at the first use, since a type may contain itself; in one step, since threads share it.
        made: dict[str, tuple[str, Converter | None]] = {}
        for field in message.fields:
            entry = (field.name, None if _dropped(field, *options) else _field(field, *options))
            made[field.name] = made[field.json_name] = entry
        table.update(made)

    def decode(value: Any) -> Fields:
        if type(value) is not dict:
            raise Refusal(f"expects an object, not {shown(value)}")
        if not table:
            fill()
        fields: Fields = {}
        left_out = 0
        for key, item in value.items():
            entry = table.get(key)
            if entry is None:
                if ignore_unknown:
                    left_out += 1
                    continue
                raise Refusal(f"is not a known field{json_values.closest(key, names)}").under(_clean(key), _clean(key))
            name, convert = entry
            if convert is None or (item is None and convert is not json_values.any_value):
                left_out += 1
                continue
            try:
                fields[name] = convert(item)
            except Refusal as refusal:
                raise refusal.under(name, key) from None
        if len(fields) + left_out != len(value):
            _refuse_twice(value, table)
        return fields

    return decode


def joined(steps: list[str]) -> str:
    """Path steps as one text: `emailAddresses[0].value`."""
    path = ""
    for step in steps:
        path += step if step.startswith("[") or not path else f".{step}"
    return path


def _field(field: FieldDescriptor, drop_output_only: bool, ignore_unknown: bool) -> Converter:
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        return _map(inner, drop_output_only, ignore_unknown)
    one = json_values.scalar(field) if inner is None else decoder(inner, drop_output_only, ignore_unknown)
    return _list(one) if field.is_repeated else one


def _list(convert: Converter) -> Converter:
    def convert_all(value: Any) -> list[Any]:
        if type(value) is not list:
            raise Refusal(f"expects a list, not {shown(value)}")
        if len(value) > json_values.MOST_ITEMS:
            raise Refusal(f"has {len(value)} items: at most {json_values.MOST_ITEMS} are possible")
        try:
            return [convert(item) for item in value]
        except Refusal:
            pass
        # The index is wanted only now: look for it again.
        for index, item in enumerate(value):
            try:
                convert(item)
            except Refusal as refusal:
                raise refusal.under(f"[{index}]", f"[{index}]") from None
        raise AssertionError("a value was refused once and taken the second time")

    return convert_all


def _map(entry: Descriptor, drop_output_only: bool, ignore_unknown: bool) -> Converter:
    value_field = entry.fields_by_name["value"]
    key = _map_key(entry.fields_by_name["key"])
    one = _field(value_field, drop_output_only, ignore_unknown)

    def convert_all(value: Any) -> dict[Any, Any]:
        if type(value) is not dict:
            raise Refusal(f"expects an object, not {shown(value)}")
        if len(value) > json_values.MOST_ITEMS:
            raise Refusal(f"has {len(value)} entries: at most {json_values.MOST_ITEMS} are possible")
        made = {}
        for name, item in value.items():
            try:
                made[key(name)] = one(item)
            except Refusal as refusal:
                raise refusal.under(_clean(name), _clean(name)) from None
        return made

    return convert_all


def _map_key(field: FieldDescriptor) -> Converter:
    convert = json_values.scalar(field)
    if field.type != FieldDescriptor.TYPE_BOOL:
        return convert
    return lambda name: json_values.boolean({"true": True, "false": False}.get(name, name))


def _wrapper(message: Descriptor) -> Converter:
    convert = json_values.scalar(message.fields_by_name["value"])
    return lambda value: {"value": convert(value)}


def _dropped(field: FieldDescriptor, drop_output_only: bool, ignore_unknown: bool) -> bool:
    """Whether input must not set this field: output only, in a record (AIP-203: accepted and ignored)."""
    record = field.containing_type
    if not drop_output_only or record is None or not record.GetOptions().HasExtension(resource_pb2.resource):
        return False
    behaviors = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    return field_behavior_pb2.OUTPUT_ONLY in behaviors


def _refuse_twice(value: dict[str, Any], table: dict[str, tuple[str, Converter | None]]) -> None:
    first: dict[str, str] = {}
    for key in value:
        name = table[key][0] if key in table else key
        if name in first:
            raise Refusal(f"is given twice, also as {first[name]}: keep one").under(name, key)
        first[name] = key


def _clean(key: str) -> str:
    """A client's own key, short and printable enough for an error."""
    return key[:80].encode(errors="replace").decode() if key.isprintable() else ascii(key[:80])[1:-1]


_WRAPPERS = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Bool", "String", "Int32", "UInt32", "Int64", "UInt64", "Double", "Float", "Bytes")
)
