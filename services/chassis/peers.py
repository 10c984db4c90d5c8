"""Calls from one api to another: with the caller's proof, the deadline that is left, and the trace."""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from kith.type.v1 import platform_service_pb2

from services.chassis import errors, telemetry
from services.chassis.call import Call
from services.chassis.channels import EVERY_METHOD, Line
from services.chassis.settings import Settings

M = TypeVar("M", bound=Message)

MAX_SECONDS = 5.0
"""No call to a peer takes longer, however patient the first caller is."""

_ERRORS: dict[grpc.StatusCode, type[errors.KithError]] = {
    grpc.StatusCode[kind.code.name]: kind
    for kind in (
        errors.InvalidArgument,
        errors.Unauthenticated,
        errors.PermissionDenied,
        errors.NotFound,
        errors.AlreadyExists,
        errors.Aborted,
        errors.FailedPrecondition,
        errors.ResourceExhausted,
        errors.DeadlineExceeded,
        errors.Unavailable,
    )
}
# A server that ends cancels what it has not begun (`server.py`); our services never say so themselves.
_ERRORS[grpc.StatusCode.CANCELLED] = errors.Unavailable


class Peers:
    """The apis of the other services. Connections are opened when they are first needed, and kept.

    A call whose answer is lost is repeated if that is safe: if it only reads, or carries a request id.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lines: dict[tuple[str, bool], Line] = {}
        self._lock = threading.Lock()

    def call(self, method: str, request: Message, response: type[M], call: Call, *, service: str = "") -> M:
        """Calls `kith.contact.v1.ContactService/CreateContact` at its service, in the caller's name.

        `service` names the process when the method does not (the platform service is in each).

        Raises:
            errors.KithError: what the peer said, as it said it.
        """
        service = service or method.split(".")[1]
        with telemetry.RpcClientSpan(method, self._settings.peer(service)) as span:
            metadata = (("authorization", call.authorization), *span.headers.items())
            seconds = min(call.seconds_left, MAX_SECONDS)
            try:
                line = self._line(service, _repeatable(method, request))
                answer: M = line.call(method, request, response, timeout=seconds, metadata=metadata)
                return answer
            except grpc.RpcError as error:
                known = _known(error)
                span.fail(known.code.name, known.message)
                raise known from error

    def missing(self, service: str, names: list[str], call: Call) -> set[str]:
        """Those of the names that another service does not have in the caller's tenant."""
        answer = self.call(
            "kith.type.v1.PlatformService/CheckReferences",
            platform_service_pb2.CheckReferencesRequest(names=names),
            platform_service_pb2.CheckReferencesResponse,
            call,
            service=service,
        )
        return set(answer.missing)

    def close(self) -> None:
        """Closes all connections."""
        for line in self._lines.values():
            line.close()

    def _line(self, service: str, repeatable: bool) -> Line:
        # What gRPC repeats is settled when a channel is opened, so there are two, of which most processes need one.
        key = (service, repeatable)
        with self._lock:
            if key not in self._lines:
                methods = [EVERY_METHOD] if repeatable else []
                self._lines[key] = Line(self._settings.peer(service), self._settings.tls, methods)
            return self._lines[key]


def _repeatable(method: str, request: Any) -> bool:
    name = method.rpartition("/")[2]
    return name.startswith(("Get", "List", "BatchGet", "Check")) or bool(getattr(request, "request_id", ""))


def _known(error: Any) -> errors.KithError:
    """A peer's status as the error that it was there."""
    kind = _ERRORS.get(error.code(), errors.KithError)
    reason, metadata, violations = "", {}, []
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad):
            violations = [errors.Violation(found.field, found.description) for found in bad.field_violations]
    metadata.pop("trace_id", None)
    message = error.details() if status is not None else "another service does not answer: try again"
    return kind(str(message), reason=reason, violations=tuple(violations), metadata=metadata)
