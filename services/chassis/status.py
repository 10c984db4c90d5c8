"""Our errors as google.rpc.Status, with what a program needs to react to them (AIP-193).

A status travels in HTTP/2 trailers, of which gRPC takes 8 KiB in all: a longer one reaches nobody, so texts are cut.
"""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from services.chassis.errors import DOMAIN, KithError

MOST_MESSAGE_BYTES = 600
"""Of the message, which is sent twice, once with each byte of a foreign letter as three."""
MOST_VIOLATIONS_BYTES = 2_200
_MOST_TEXT_BYTES = 300


def of(error: KithError, trace_id: str) -> grpc.Status:
    """The gRPC status of an error: ErrorInfo with reason and trace id, BadRequest with the fields at fault."""
    metadata = {key: cut(value) for key, value in error.metadata.items()}
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata={**metadata, "trace_id": trace_id})
    details = [_packed(info)]
    if error.violations:
        details.append(_packed(_bad_request(error)))
    message = cut(error.message, MOST_MESSAGE_BYTES)
    return rpc_status.to_status(status_pb2.Status(code=error.code.value, message=message, details=details))


def cut(text: str, most_bytes: int = _MOST_TEXT_BYTES) -> str:
    """The beginning of a text that is too long in UTF-8."""
    encoded = text.encode(errors="replace")
    return text if len(encoded) <= most_bytes else encoded[: most_bytes - 3].decode(errors="ignore") + "…"


def _bad_request(error: KithError) -> error_details_pb2.BadRequest:
    """The fields at fault: at least the first, and as many as there is room for."""
    bad = error_details_pb2.BadRequest()
    for violation in error.violations:
        bad.field_violations.add(
            field=cut(violation.field), description=cut(violation.description), reason=error.reason
        )
        if bad.ByteSize() > MOST_VIOLATIONS_BYTES:
            break
    return bad


def _packed(message: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
