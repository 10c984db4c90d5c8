"""What the engine knows of a record, read from its message descriptor alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

from google.api import field_behavior_pb2, resource_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from kith.type.v1 import options_pb2

TIMESTAMP = "google.protobuf.Timestamp"
SYSTEM_FIELDS = frozenset({"name", "etag", "create_time", "update_time", "delete_time", "creator"})
"""Fields that the engine itself sets, in every record."""

_ALWAYS_FILTERABLE = frozenset({"name", "create_time", "update_time", "delete_time", "creator"})
_NEVER_IN_PROJECTIONS = frozenset({"create_time", "update_time", "delete_time", "creator"})
"""They say nothing of a record that is computed, and each would cost an index."""
_MAX_DEPTH = 5

MessageClass = type[Message]


@dataclass(frozen=True)
class FieldInfo:
    """One field of a record, reached by a path such as `email_addresses.value`.

    `repeated` is true when any step of the path is; `reference` is the resource type that it points to
    (`kith.dev/Account`, `*` for any, empty for none).
    """

    path: str
    json_path: str
    descriptor: FieldDescriptor
    repeated: bool
    filterable: bool
    searchable: bool
    personal: bool
    unique: bool
    output_only: bool
    input_only: bool
    immutable: bool
    required: bool
    reference: str

    @property
    def is_timestamp(self) -> bool:
        """Whether the value is a google.protobuf.Timestamp."""
        message = self.descriptor.message_type
        return message is not None and message.full_name == TIMESTAMP


@dataclass(frozen=True, eq=False)
class RecordType:
    """A kind of record: its message class, its names, and its fields by path.

    Use `RecordType.of(Contact)`; there is one instance per message.
    """

    message: MessageClass
    descriptor: Descriptor
    type: str
    singular: str
    plural: str
    projection: bool
    events: tuple[str, ...]

    @staticmethod
    def of(message: MessageClass) -> RecordType:
        """The record type of a message class.

        Raises:
            TypeError: the message has no `google.api.resource` option.
        """
        return _record_type(message.DESCRIPTOR)

    @cached_property
    def service(self) -> str:
        """The service that owns it: `contact` for `kith.contact.v1.Account`."""
        return str(self.descriptor.full_name.split(".")[1])

    @cached_property
    def kind(self) -> str:
        """The singular in snake_case, as in event types: `timeline_entry`."""
        return snake_case(self.singular)

    @cached_property
    def collection(self) -> str:
        """The MongoDB collection: `timeline_entries`."""
        return snake_case(self.plural)

    @cached_property
    def prefix(self) -> str:
        """What every name begins with: `contacts/`."""
        return self.plural + "/"

    @cached_property
    def fields(self) -> dict[str, FieldInfo]:
        """All fields by their path, nested ones included, down to five levels."""
        found = {info.path: info for info in _walk(self.descriptor, "", "", False, 0)}
        never = _NEVER_IN_PROJECTIONS if self.projection else frozenset()
        for path in (_ALWAYS_FILTERABLE - never) & found.keys():
            found[path] = replace(found[path], filterable=True)
        return found

    @cached_property
    def _by_json_path(self) -> dict[str, FieldInfo]:
        return {info.json_path: info for info in self.fields.values()}

    def field(self, path: str) -> FieldInfo | None:
        """The field at a path in snake_case or lowerCamelCase, or None."""
        return self.fields.get(path) or self._by_json_path.get(path)

    @cached_property
    def filterable(self) -> tuple[FieldInfo, ...]:
        """The fields that may stand in `filter` and `order_by`."""
        return tuple(info for info in self.fields.values() if info.filterable)

    @cached_property
    def searchable(self) -> tuple[FieldInfo, ...]:
        """The text fields that `q` searches."""
        return tuple(info for info in self.fields.values() if info.searchable)

    @cached_property
    def references(self) -> tuple[FieldInfo, ...]:
        """The fields that hold names of other records."""
        return tuple(info for info in self.fields.values() if info.reference)

    @cached_property
    def unique(self) -> tuple[FieldInfo, ...]:
        """The fields whose values no two live records of a tenant share."""
        return tuple(info for info in self.fields.values() if info.unique)

    def name_of(self, identifier: str) -> str:
        """`contacts/<identifier>`"""
        return self.prefix + identifier

    def id_of(self, name: str) -> str | None:
        """The identifier in a name of this type, or None if the name is of another type or malformed."""
        identifier = name.removeprefix(self.prefix)
        return identifier if identifier != name and _IDENTIFIER.fullmatch(identifier) else None


_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def snake_case(name: str) -> str:
    """`timelineEntries` → `timeline_entries`"""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def record_types(file: FileDescriptor) -> Iterator[RecordType]:
    """The records that a proto file declares."""
    for descriptor in file.message_types_by_name.values():
        if descriptor.GetOptions().HasExtension(resource_pb2.resource):
            yield _record_type(descriptor)


@cache
def _record_type(descriptor: Descriptor) -> RecordType:
    options: Any = descriptor.GetOptions()
    if not options.HasExtension(resource_pb2.resource):
        raise TypeError(f"{descriptor.full_name} is no record: it has no google.api.resource option")
    resource = options.Extensions[resource_pb2.resource]
    record = options.Extensions[options_pb2.record]
    return RecordType(
        message=GetMessageClass(descriptor),
        descriptor=descriptor,
        type=resource.type,
        singular=resource.singular,
        plural=resource.plural,
        projection=record.projection,
        events=tuple(event.verb for event in record.events),
    )


def _walk(descriptor: Descriptor, path: str, json_path: str, repeated: bool, depth: int) -> Iterator[FieldInfo]:
    for field in descriptor.fields:
        info = _field_info(field, path + field.name, json_path + field.json_name, repeated or field.is_repeated, depth)
        yield info
        if field.message_type is not None and not info.is_timestamp and depth < _MAX_DEPTH:
            yield from _walk(field.message_type, info.path + ".", info.json_path + ".", info.repeated, depth + 1)


def _field_info(field: FieldDescriptor, path: str, json_path: str, repeated: bool, depth: int) -> FieldInfo:
    options: Any = field.GetOptions()
    kith = options.Extensions[options_pb2.field]
    behavior = set(options.Extensions[field_behavior_pb2.field_behavior])
    return FieldInfo(
        path=path,
        json_path=json_path,
        descriptor=field,
        repeated=repeated,
        filterable=kith.filterable,
        searchable=kith.searchable,
        personal=kith.personal,
        unique=kith.unique,
        output_only=field_behavior_pb2.OUTPUT_ONLY in behavior or field_behavior_pb2.IDENTIFIER in behavior,
        input_only=field_behavior_pb2.INPUT_ONLY in behavior,
        immutable=field_behavior_pb2.IMMUTABLE in behavior,
        required=field_behavior_pb2.REQUIRED in behavior,
        reference=options.Extensions[resource_pb2.resource_reference].type,
    )
