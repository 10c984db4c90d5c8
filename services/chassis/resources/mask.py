"""Applies a request's values to a record, field by field as its update mask says (AIP-134, AIP-161)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from services.chassis.errors import InvalidArgument
from services.chassis.resources.schema import SYSTEM_FIELDS, FieldInfo, RecordType


class Mask:
    """The fields of `source` that a request changes: those that its paths name, or without paths those that are set.

    Raises:
        InvalidArgument: a path names no field, or reaches into a list.
    """

    def __init__(self, kind: RecordType, source: Message, paths: Sequence[str]) -> None:
        self._kind = kind
        self._source = source
        self._fields = [info for info in _chosen(kind, source, paths) if _writable(info)]

    @property
    def paths(self) -> list[str]:
        """The paths of the fields."""
        return [info.path for info in self._fields]

    def apply(self, target: Message) -> None:
        """Copies the fields into a record.

        Raises:
            InvalidArgument: a field would change that is fixed at creation.
        """
        for info in self._fields:
            if info.immutable:
                _refuse_change(self._kind, info, self._source, target)
            else:
                _copy(self._source, target, info.path.split("."))

    def values(self) -> Message:
        """A record with nothing but the new values."""
        alone = self._kind.message()
        for info in self._fields:
            _copy(self._source, alone, info.path.split("."))
        return alone


def clear_output_only(kind: RecordType, message: Message) -> None:
    """Clears what only the platform sets: given by a caller, it is ignored (AIP-203)."""
    for info in _top_level(kind):
        if info.output_only or info.path in SYSTEM_FIELDS:
            message.ClearField(info.path)


def _chosen(kind: RecordType, source: Message, paths: Sequence[str]) -> list[FieldInfo]:
    if "*" in paths:
        return [info for info in _top_level(kind) if not info.immutable]
    if paths:
        return [_field(kind, path) for path in paths]
    present = {field.name for field, _ in source.ListFields()}
    return [info for info in _top_level(kind) if info.path in present]


def _writable(info: FieldInfo) -> bool:
    return not info.output_only and info.path not in SYSTEM_FIELDS


def _top_level(kind: RecordType) -> list[FieldInfo]:
    return [info for info in kind.fields.values() if "." not in info.path]


def _field(kind: RecordType, path: str) -> FieldInfo:
    info = kind.field(path)
    if info is None:
        raise InvalidArgument.of("update_mask", f"{path!r} is no field of {kind.kind.replace('_', ' ')}")
    parent = path.rpartition(".")[0]
    if parent and kind.fields[info.path.rpartition(".")[0]].repeated:
        raise InvalidArgument.of("update_mask", f"{path!r} is inside a list: name the list as a whole, {parent!r}")
    return info


def _copy(source: Any, target: Any, steps: list[str]) -> None:
    for step in steps[:-1]:
        source, target = getattr(source, step), getattr(target, step)
    name = steps[-1]
    target.ClearField(name)
    field = source.DESCRIPTOR.fields_by_name[name]
    if field.is_repeated:
        getattr(target, name).MergeFrom(getattr(source, name))
    elif field.message_type is not None:
        if source.HasField(name):
            getattr(target, name).CopyFrom(getattr(source, name))
    elif not field.has_presence or source.HasField(name):
        setattr(target, name, getattr(source, name))


def _refuse_change(kind: RecordType, info: FieldInfo, source: Any, target: Any) -> None:
    if getattr(source, info.path) != getattr(target, info.path):
        raise InvalidArgument.of(
            f"{kind.kind}.{info.path}", "cannot be changed after creation", reason="IMMUTABLE_FIELD"
        )
