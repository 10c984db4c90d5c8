"""JSON Schemas (2020-12, as OpenAPI 3.1 has them) of messages: types, constraints, comments, examples."""

from __future__ import annotations

import re
from typing import Any

from buf.validate import validate_pb2
from google.api import field_behavior_pb2, resource_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from services.chassis import protos

Schema = dict[str, Any]

_OUTPUT = (field_behavior_pb2.OUTPUT_ONLY, field_behavior_pb2.IDENTIFIER)


class Schemas:
    """Collects the schemas that were asked for; `components` holds them under their names."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}
        self._names: dict[str, str] = {}

    def of(self, message: Descriptor) -> Schema:
        """A reference to a message's schema, or the schema itself for a well-known type."""
        known = _WELL_KNOWN.get(message.full_name)
        if known is not None:
            return dict(known)
        name = self._name(message.full_name, message.name)
        if name not in self.components:
            self.components[name] = {}  # known before it is complete, since a message may contain itself
            self.components[name] = self._object(message)
        return {"$ref": f"#/components/schemas/{name}"}

    def patch_of(self, message: Descriptor) -> Schema:
        """As `of` for a merge patch: nothing is required, and null clears a field."""
        name = f"{self._name(message.full_name, message.name)}Patch"
        if name not in self.components:
            schema = self._object(message)
            schema.pop("required", None)
            schema["description"] = "The fields to change; null clears one. " + schema.get("description", "")
            schema["properties"] = {
                key: value if value.get("readOnly") else _nullable(value) for key, value in schema["properties"].items()
            }
            self.components[name] = schema
        return {"$ref": f"#/components/schemas/{name}"}

    def field(self, field: FieldDescriptor) -> Schema:
        """The schema of one field's value, with its comment."""
        extensions: Any = field.GetOptions().Extensions  # the stubs know no extensions of ours
        rules = extensions[validate_pb2.field]
        if field.message_type is not None and protos.is_map(field):
            value = self._one(field.message_type.fields_by_name["value"], validate_pb2.FieldRules())
            schema: Schema = {"type": "object", "additionalProperties": value}
        elif field.is_repeated:
            schema = {"type": "array", "items": self._one(field, rules.repeated.items)}
            schema |= _present(rules.repeated, min_items="minItems", max_items="maxItems")
        else:
            schema = self._one(field, rules)
        if described := description(field):
            schema["description"] = described
        if is_output_only(field):
            schema["readOnly"] = True
        return schema

    def _object(self, message: Descriptor) -> Schema:
        schema: Schema = {
            "type": "object",
            "description": protos.comments().get(message.full_name, ""),
            "properties": {field.json_name: self.field(field) for field in message.fields},
            "additionalProperties": False,
        }
        required = [field.json_name for field in message.fields if is_required(field)]
        if required:
            schema["required"] = required
        return schema

    def _one(self, field: FieldDescriptor, rules: validate_pb2.FieldRules) -> Schema:
        if field.message_type is not None:
            return self.of(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        schema = dict(_SCALARS[field.type])
        kind = rules.WhichOneof("type")
        if kind == "string":
            schema |= _present(rules.string, min_len="minLength", max_len="maxLength", pattern="pattern")
        elif kind is not None and schema["type"] in ("integer", "number"):
            schema |= _present(
                getattr(rules, kind),
                gte="minimum",
                lte="maximum",
                gt="exclusiveMinimum",
                lt="exclusiveMaximum",
            )
        reference = field.GetOptions().Extensions[resource_pb2.resource_reference].type
        if reference:
            schema["x-reference"] = reference.rpartition("/")[2]
        example = example_of(field)
        if example is not None and "pattern" not in schema:
            schema["examples"] = [example]
        return schema

    def _enum(self, enum: EnumDescriptor) -> Schema:
        name = self._name(enum.full_name, enum.name)
        if name not in self.components:
            comments, package = protos.comments(), enum.full_name
            meanings = [f"- `{value.name}`: {comments.get(f'{package}.{value.name}', '')}" for value in enum.values]
            self.components[name] = {
                "type": "string",
                "enum": [value.name for value in enum.values],
                "description": "\n".join([comments.get(enum.full_name, ""), "", *meanings]),
            }
        return {"$ref": f"#/components/schemas/{name}"}

    def _name(self, full_name: str, name: str) -> str:
        """The short name, or one with its package when another type has the short one already."""
        if self._names.setdefault(name, full_name) == full_name:
            return name
        longer = "".join(part.capitalize() for part in full_name.split(".")[1:-2]) + name
        self._names[longer] = full_name
        return longer


def description(field: FieldDescriptor) -> str:
    """The field's comment in its proto."""
    message = field.containing_type
    return protos.comments().get(f"{message.full_name}.{field.name}", "") if message is not None else ""


def is_required(field: FieldDescriptor) -> bool:
    """Whether input must have the field."""
    return field_behavior_pb2.REQUIRED in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


def is_output_only(field: FieldDescriptor) -> bool:
    """Whether the platform alone sets the field."""
    behaviors = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    return any(behavior in _OUTPUT for behavior in behaviors)


def example_of(field: FieldDescriptor) -> str | None:
    """What the comment gives as an example, or what the field's name lets one expect."""
    if field.type != FieldDescriptor.TYPE_STRING:
        return None
    found = _EXAMPLE.search(description(field))
    if found is not None and "…" not in found[1]:
        return found[1]
    return _LEXICON.get(field.name)


def _present(rules: Any, **names: str) -> Schema:
    return {target: getattr(rules, name) for name, target in names.items() if rules.HasField(name)}


def _nullable(schema: Schema) -> Schema:
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    kept = {key: schema[key] for key in ("description",) if key in schema}
    return {
        "anyOf": [{key: value for key, value in schema.items() if key not in kept}, {"type": "null"}],
        **kept,
    }


_SCALARS: dict[int, Schema] = {
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.TYPE_SINT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.TYPE_SFIXED32: {"type": "integer", "format": "int32"},
    FieldDescriptor.TYPE_UINT32: {"type": "integer", "format": "uint32", "minimum": 0},
    FieldDescriptor.TYPE_FIXED32: {"type": "integer", "format": "uint32", "minimum": 0},
    FieldDescriptor.TYPE_INT64: {"type": "string", "format": "int64", "pattern": "^-?[0-9]{1,19}$"},
    FieldDescriptor.TYPE_SINT64: {"type": "string", "format": "int64", "pattern": "^-?[0-9]{1,19}$"},
    FieldDescriptor.TYPE_SFIXED64: {"type": "string", "format": "int64", "pattern": "^-?[0-9]{1,19}$"},
    FieldDescriptor.TYPE_UINT64: {"type": "string", "format": "uint64", "pattern": "^[0-9]{1,20}$"},
    FieldDescriptor.TYPE_FIXED64: {"type": "string", "format": "uint64", "pattern": "^[0-9]{1,20}$"},
}
_WELL_KNOWN: dict[str, Schema] = {
    "google.protobuf.Timestamp": {
        "type": "string",
        "format": "date-time",
        "examples": ["2026-01-31T12:00:00.000Z"],
    },
    "google.protobuf.Duration": {
        "type": "string",
        "pattern": "^-?[0-9]{1,12}(\\.[0-9]{1,9})?s$",
        "examples": ["1.5s"],
    },
    "google.protobuf.FieldMask": {"type": "string", "examples": ["displayName,title"]},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
}
_EXAMPLE = re.compile(r"for example `([^`]+)`")
_LEXICON = {
    "given_name": "Ada",
    "family_name": "Lovelace",
    "display_name": "Analytical Engines",
    "company": "Analytical Engines",
    "email": "ada@example.com",
    "phone": "+45 31 23 45 67",
    "title": "Head of Computing",
    "subject": "The engine does not turn",
    "city": "Copenhagen",
    "country": "Denmark",
    "website": "https://example.com",
    "etag": "3",
    "slug": "acme",
    "tenant": "acme",
    "password": "correct horse battery staple",
    "external_id": "crm-4711",
}
