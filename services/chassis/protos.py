"""What the protos declare, found at run time: files, services, methods, records, permissions, comments.

Importing `kith` protobuf modules is what fills the descriptor pool, so everything here begins with `files()`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import Any

import kith
from google.api import resource_pb2
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import (
    Descriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

# Importing the options makes the pool know them: without it they would be unknown fields.
from kith.type.v1 import options_pb2

DESCRIPTOR_SET = "kith.binpb"


@cache
def files() -> tuple[FileDescriptor, ...]:
    """Every `kith/**/*.proto`, ordered by its path. Imports all of the generated code once."""
    names = sorted(
        module.name for module in pkgutil.walk_packages(kith.__path__, "kith.") if module.name.endswith("_pb2")
    )
    found: list[FileDescriptor] = [importlib.import_module(name).DESCRIPTOR for name in names]
    return tuple(found)


@cache
def services() -> tuple[ServiceDescriptor, ...]:
    """Every gRPC service, ordered by file, then by name."""
    return tuple(service for file in files() for _, service in sorted(file.services_by_name.items()))


@cache
def records() -> tuple[Descriptor, ...]:
    """Every message that is a resource (`google.api.resource`), ordered by file."""
    return tuple(
        message
        for file in files()
        for message in file.message_types_by_name.values()
        if message.GetOptions().HasExtension(resource_pb2.resource)
    )


def resource(message: Descriptor) -> resource_pb2.ResourceDescriptor | None:
    """The resource options of a record; None for a message that is none."""
    options = message.GetOptions()
    return options.Extensions[resource_pb2.resource] if options.HasExtension(resource_pb2.resource) else None


def permission(method: MethodDescriptor) -> str:
    """The permission that a method's caller needs, `public` for none; empty when the proto forgot it."""
    extensions: Any = method.GetOptions().Extensions  # the stubs know no extensions of ours
    return str(extensions[options_pb2.permission])


def process(element: Descriptor | ServiceDescriptor) -> str:
    """The service (process) that owns an element: `contact` for `kith.contact.v1.Contact`."""
    return element.full_name.split(".")[1]


def message_class(message: Descriptor) -> type[Message]:
    """The Python class of a message."""
    return GetMessageClass(message)


def is_repeated(field: FieldDescriptor) -> bool:
    """Whether a field holds a list or a map."""
    return bool(field.is_repeated)


def is_map(field: FieldDescriptor) -> bool:
    """Whether a field is a map, which protobuf describes as a list of entries."""
    return field.message_type is not None and field.message_type.GetOptions().map_entry


@cache
def comments() -> dict[str, str]:
    """The leading comment of each element by its full name, in one line per paragraph.

    They come from the descriptor set beside the generated code. A process without that file has none.
    """
    path = Path(next(iter(kith.__path__))).parent / DESCRIPTOR_SET
    if not path.is_file():
        return {}
    declared = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())
    found: dict[str, str] = {}
    for file in declared.file:
        if file.name.startswith("kith/"):
            _collect(file, found)
    return found


def _collect(file: descriptor_pb2.FileDescriptorProto, found: dict[str, str]) -> None:
    for location in file.source_code_info.location:
        if location.leading_comments:
            name = _element(file, list(location.path))
            if name:
                found[name] = _flow(location.leading_comments)


def _element(file: descriptor_pb2.FileDescriptorProto, path: list[int]) -> str:
    """The full name of what a source location's path points at; empty for what has no name, such as an option.

    A path alternates field numbers and indexes of descriptor.proto, so it can be walked by reflection.
    """
    names = [file.package]
    node: Message = file
    for number, index in zip(path[::2], path[1::2], strict=False):
        field = node.DESCRIPTOR.fields_by_number.get(number)
        if field is None or field.message_type is None or field.name == "options" or not field.is_repeated:
            return ""
        node = getattr(node, field.name)[index]
        names.append(getattr(node, "name", ""))
    return ".".join(names) if len(path) % 2 == 0 else ""


def _flow(text: str) -> str:
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
