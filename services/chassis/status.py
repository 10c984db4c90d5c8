"""Our errors as google.rpc.Status, with what a program needs to react to them (AIP-193)."""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from services.chassis.errors import DOMAIN, KithError


def of(error: KithError, trace_id: str) -> grpc.Status:
    """The gRPC status of an error: ErrorInfo with reason and trace id, BadRequest with the fields at fault."""
    details = [
        _packed(
            error_details_pb2.ErrorInfo(
                reason=error.reason, domain=DOMAIN, metadata={**error.metadata, "trace_id": trace_id}
            )
        )
    ]
    if error.violations:
        bad = error_details_pb2.BadRequest()
        for violation in error.violations[:100]:
            bad.field_violations.add(field=violation.field, description=violation.description, reason=error.reason)
        details.append(_packed(bad))
    return rpc_status.to_status(status_pb2.Status(code=error.code.value, message=error.message, details=details))


def _packed(message: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
