"""What the descriptors say of all records: which refer to which, and which concern a customer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from google.protobuf.message import Message

from services.chassis import protos
from services.chassis.resources.schema import FieldInfo, RecordType
from services.insight.rules import concerns


class UnknownKind(Exception):
    """An event about a kind of record that this version does not know; a newer one will, so the event must wait."""


def kind_of(service: str, kind: str) -> RecordType:
    """The record type of an event.

    Raises:
        UnknownKind: there is none.
    """
    found = _by_event().get((service, kind))
    if found is None:
        raise UnknownKind(f"{service} has a record {kind} that this version does not know")
    return found


def references(kind: RecordType, message: Message) -> list[str]:
    """The names of the records that a record refers to, each once, in the order of its fields."""
    names = (name for field in kind.references for name in _values(message, field.path.split(".")))
    return [name for name in dict.fromkeys(names) if _type_of(name)]


def is_customer(name: str) -> bool:
    """Whether it is the name of an account, a contact or a lead."""
    return _type_of(name) in concerns.CUSTOMERS


def leads_on(name: str) -> bool:
    """Whether it is the name of a record whose references may lead to a customer, and are followed."""
    return _type_of(name) in _leading()


def _type_of(name: str) -> str:
    kind = _by_plural().get(name.partition("/")[0])
    return kind.type if kind is not None and kind.id_of(name) else ""


def _values(value: Any, path: list[str]) -> Iterator[str]:
    if not path:
        yield from [value] if isinstance(value, str) else value
        return
    following = getattr(value, path[0])
    if isinstance(following, (str, Message)) or len(path) == 1:
        yield from _values(following, path[1:])
        return
    for item in following:
        yield from _values(item, path[1:])


@cache
def _kinds() -> tuple[RecordType, ...]:
    return tuple(RecordType.of(protos.message_class(descriptor)) for descriptor in protos.records())


@cache
def _by_event() -> dict[tuple[str, str], RecordType]:
    return {(kind.service, kind.kind): kind for kind in _kinds()}


@cache
def _by_plural() -> dict[str, RecordType]:
    return {kind.plural: kind for kind in _kinds()}


@cache
def _leading() -> frozenset[str]:
    targets = {kind.type: [_target(field) for field in kind.references] for kind in _kinds() if not kind.projection}
    return concerns.reaching(targets)


def _target(field: FieldInfo) -> str:
    return field.reference
