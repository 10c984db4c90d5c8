"""A record with a field of every sort, declared in memory: what the engine must know of fields, all in one message."""

from __future__ import annotations

from typing import Any

from google.api import resource_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, timestamp_pb2
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from kith.type.v1 import options_pb2

from services.chassis.resources.schema import RecordType

_Field = descriptor_pb2.FieldDescriptorProto

_TIMESTAMP = ".google.protobuf.Timestamp"


def _field(kind: int, name: str, number: int, *, type_name: str = "", repeated: bool = False, **flags: bool) -> _Field:
    label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
    field = _Field(name=name, number=number, type=kind, label=label, type_name=type_name or None)  # type: ignore[arg-type]
    options: Any = field.options
    options.Extensions[options_pb2.field].CopyFrom(options_pb2.FieldOptions(**flags))
    return field


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="tests/thing.proto", package="kith.tests.v1", syntax="proto3")
    file.dependency[:] = [timestamp_pb2.DESCRIPTOR.name, duration_pb2.DESCRIPTOR.name]
    color = file.enum_type.add(name="Color")
    for number, value in enumerate(("COLOR_UNSPECIFIED", "COLOR_RED", "COLOR_GREEN")):
        color.value.add(name=value, number=number)
    file.message_type.add(
        name="Part",
        field=[
            _field(_Field.TYPE_STRING, "label", 1, filterable=True, searchable=True),
            _field(_Field.TYPE_INT64, "weight", 2, filterable=True),
            _field(_Field.TYPE_BOOL, "ready", 3, filterable=True),
            _field(_Field.TYPE_MESSAGE, "tested", 4, type_name=_TIMESTAMP, filterable=True),
        ],
    )
    score = _field(_Field.TYPE_INT32, "score", 23, filterable=True)
    score.proto3_optional, score.oneof_index = True, 0
    thing = file.message_type.add(
        name="Thing",
        oneof_decl=[descriptor_pb2.OneofDescriptorProto(name="_score")],
        field=[
            _field(_Field.TYPE_STRING, "name", 1),
            _field(_Field.TYPE_MESSAGE, "create_time", 3, type_name=_TIMESTAMP),
            _field(_Field.TYPE_MESSAGE, "update_time", 4, type_name=_TIMESTAMP),
            _field(_Field.TYPE_MESSAGE, "delete_time", 5, type_name=_TIMESTAMP),
            _field(_Field.TYPE_STRING, "title", 10, filterable=True, searchable=True),
            _field(_Field.TYPE_INT64, "count", 11, filterable=True),
            _field(_Field.TYPE_UINT32, "small", 12, filterable=True),
            _field(_Field.TYPE_DOUBLE, "ratio", 13, filterable=True),
            _field(_Field.TYPE_BOOL, "ready", 14, filterable=True),
            _field(_Field.TYPE_ENUM, "color", 15, type_name=".kith.tests.v1.Color", filterable=True),
            _field(_Field.TYPE_MESSAGE, "since", 16, type_name=_TIMESTAMP, filterable=True),
            _field(_Field.TYPE_MESSAGE, "took", 17, type_name=".google.protobuf.Duration", filterable=True),
            _field(_Field.TYPE_STRING, "tags", 18, repeated=True, filterable=True),
            _field(_Field.TYPE_INT64, "sizes", 19, repeated=True, filterable=True),
            _field(_Field.TYPE_MESSAGE, "main_part", 20, type_name=".kith.tests.v1.Part"),
            _field(_Field.TYPE_MESSAGE, "parts", 21, type_name=".kith.tests.v1.Part", repeated=True),
            _field(_Field.TYPE_STRING, "secret", 22),
            score,
        ],
    )
    options: Any = thing.options
    options.Extensions[resource_pb2.resource].CopyFrom(
        resource_pb2.ResourceDescriptor(
            type="kith.dev/Thing", pattern=["things/{thing}"], singular="thing", plural="things"
        )
    )
    return file


def _message() -> type[Message]:
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(_file().SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName("kith.tests.v1.Thing"))


Thing: Any = _message()
THING = RecordType.of(Thing)
