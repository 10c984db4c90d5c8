"""JSON schemas (draft 2020-12) of protobuf messages in their canonical JSON form, with the protos' comments.

Fields at their default are left out of canonical JSON, so nothing is required.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from kith.type.v1 import options_pb2

Json = dict[str, Any]


class Schemas:
    """Schemas by reference: each message that is referred to lands in `components`, with all that it contains."""

    def __init__(self, comments: Mapping[str, str], prefix: str = "#/components/schemas/") -> None:
        self._comments = comments
        self._prefix = prefix
        self.components: dict[str, Json] = {}

    def reference(self, message: Descriptor) -> Json:
        """A reference to a message's schema."""
        known = _WELL_KNOWN.get(message.full_name)
        if known is not None:
            return dict(known)
        if message.full_name not in self.components:
            self.components[message.full_name] = {}  # a message may contain itself
            self.components[message.full_name] = self._message(message)
        return {"$ref": self._prefix + message.full_name}

    def _message(self, message: Descriptor) -> Json:
        schema: Json = {"type": "object", "title": message.name}
        if comment := self._comments.get(message.full_name):
            schema["description"] = comment
        schema["properties"] = {field.json_name: self._field(field) for field in message.fields}
        return schema

    def _field(self, field: FieldDescriptor) -> Json:
        schema = self._shape(field)
        if comment := self._comments.get(field.full_name):
            schema["description"] = comment
        options: Any = field.GetOptions()
        if options.Extensions[options_pb2.field].personal:
            schema["x-personal-data"] = True
        return schema

    def _shape(self, field: FieldDescriptor) -> Json:
        message = field.message_type
        if message is not None and message.GetOptions().map_entry:
            return {"type": "object", "additionalProperties": self._value(message.fields_by_name["value"])}
        if field.is_repeated:
            return {"type": "array", "items": self._value(field)}
        return self._value(field)

    def _value(self, field: FieldDescriptor) -> Json:
        if field.message_type is not None:
            return self.reference(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        return dict(_SCALARS[field.type])

    def _enum(self, enum: EnumDescriptor) -> Json:
        meanings = ((value.name, self._comments.get(f"{enum.full_name}.{value.name}", "")) for value in enum.values)
        told = "; ".join(f"{name}: {meaning}" for name, meaning in meanings if meaning)
        schema: Json = {"type": "string", "enum": [value.name for value in enum.values]}
        return {**schema, "description": told} if told else schema


_TEXT = {"type": "string"}
_NUMBER = {"type": ["number", "string"]}  # NaN and the infinities are texts
_LONG = {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"}
_INTEGER = {"type": "integer", "format": "int32"}
_SCALARS: dict[int, Json] = {
    FieldDescriptor.TYPE_STRING: _TEXT,
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_DOUBLE: _NUMBER,
    FieldDescriptor.TYPE_FLOAT: _NUMBER,
    **dict.fromkeys(
        (
            FieldDescriptor.TYPE_INT64,
            FieldDescriptor.TYPE_UINT64,
            FieldDescriptor.TYPE_SINT64,
            FieldDescriptor.TYPE_FIXED64,
            FieldDescriptor.TYPE_SFIXED64,
        ),
        _LONG,
    ),
    **dict.fromkeys(
        (
            FieldDescriptor.TYPE_INT32,
            FieldDescriptor.TYPE_UINT32,
            FieldDescriptor.TYPE_SINT32,
            FieldDescriptor.TYPE_FIXED32,
            FieldDescriptor.TYPE_SFIXED32,
        ),
        _INTEGER,
    ),
}
_WELL_KNOWN: dict[str, Json] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?s$"},
    "google.protobuf.FieldMask": _TEXT,
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Any": {"type": "object"},
    "google.type.Date": {"type": "object"},
}
