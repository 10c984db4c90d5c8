"""Which calls may be sent again when a server went away under them, although they may have been carried out.

Reads may, and whatever carries a request id: the engine answers the second as the first (AIP-155). The gateway gives
an id to requests whose clients chose none, so that a pod which ends or dies costs nobody a failed request.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from google.protobuf.descriptor import Descriptor, MethodDescriptor
from kith.type.v1 import platform_service_pb2

from gateway.routes import Rule

_PLATFORM = platform_service_pb2.DESCRIPTOR.services_by_name["PlatformService"].full_name


def repeatable(rules: Iterable[Rule]) -> list[tuple[str, str]]:
    """The methods (gRPC service, name) whose calls through the gateway may be repeated."""
    methods = {
        rule.method.full_name: rule.method for rule in rules if rule.http_method == "GET" or gets_id(rule.method)
    }
    named = [(method.containing_service.full_name, method.name) for method in methods.values()]
    return [*named, (_PLATFORM, "ListEvents")]


def gets_id(method: MethodDescriptor) -> bool:
    """Whether calls of a method get a request id from the gateway when they have none.

    Those whose answers hold a secret do not: a repeated request is answered without it (docs/security.md), and a
    client that gets a key without its secret is worse off than one that gets an error.
    """
    return "request_id" in method.input_type.fields_by_name and not _secret(method.output_type, set())


def new_id() -> str:
    """A request id that nobody else has."""
    return os.urandom(16).hex()


def _secret(message: Descriptor, seen: set[str]) -> bool:
    if message.full_name in seen:
        return False
    seen.add(message.full_name)
    return any(
        field.GetOptions().debug_redact or (field.message_type is not None and _secret(field.message_type, seen))
        for field in message.fields
    )
