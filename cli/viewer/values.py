"""OTLP's attribute values as plain Python ones."""

from __future__ import annotations

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource


def plain(value: AnyValue) -> object:
    """The value as str, bool, int, float, list or dict; bytes as hexadecimal text; None if empty."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
    if kind == "bytes_value":
        return value.bytes_value.hex()
    found: object = getattr(value, kind)
    return found


def resource_service(resource: Resource) -> str:
    """The sender's `service.name`."""
    for pair in resource.attributes:
        if pair.key == "service.name":
            return pair.value.string_value
    return "unknown"


def resource_instance(resource: Resource) -> str:
    """The sender's `service.instance.id`, different after each restart."""
    for pair in resource.attributes:
        if pair.key == "service.instance.id":
            return pair.value.string_value
    return ""
