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
    return _attribute(resource, "service.name") or "unknown"


def resource_instance(resource: Resource) -> str:
    """The sender's `service.instance.id`, different after each restart."""
    return _attribute(resource, "service.instance.id")


def resource_pod(resource: Resource) -> str:
    """The sender's `k8s.pod.name`; empty outside of Kubernetes."""
    return _attribute(resource, "k8s.pod.name")


def _attribute(resource: Resource, key: str) -> str:
    return next((pair.value.string_value for pair in resource.attributes if pair.key == key), "")
