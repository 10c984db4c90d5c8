"""Which fields a JSON merge patch touches (RFC 7396), as the field mask that gRPC wants (AIP-134, AIP-161)."""

from __future__ import annotations

from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask

from services.chassis.resources import json_values

_UNTOUCHED = frozenset(("name", "etag"))


def mask_of(record: Descriptor, patch: dict[str, Any]) -> FieldMask:
    """The mask of a patch that was decoded before: the fields it mentions.

    An object inside of the record is merged, so its own fields are named: `mailing_address.city`. Lists, maps and
    null replace the whole field. Name, etag and output-only fields are no part of a change.
    """
    return FieldMask(paths=[path for path in _paths(record, patch, "") if path not in _UNTOUCHED])


def _paths(message: Descriptor, patch: dict[str, Any], prefix: str) -> list[str]:
    paths = []
    for field in message.fields:
        key = field.json_name if field.json_name in patch else field.name
        if key not in patch or _output_only(field):
            continue
        inner = _merged(field)
        if inner is not None and isinstance(patch[key], dict):
            paths += _paths(inner, patch[key], f"{prefix}{field.name}.")
        else:
            paths.append(f"{prefix}{field.name}")
    return paths


def _merged(field: FieldDescriptor) -> Descriptor | None:
    """The type of a field that is merged, field by field; None for one that is replaced."""
    inner = field.message_type
    if inner is None or field.is_repeated or inner.full_name in json_values.WELL_KNOWN:
        return None
    return inner


def _output_only(field: FieldDescriptor) -> bool:
    behaviors = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    return field_behavior_pb2.OUTPUT_ONLY in behaviors
