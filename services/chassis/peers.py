"""Calls from one api to another: with the caller's proof, the deadline that is left, and the trace."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from kith.type.v1 import platform_service_pb2

from services.chassis import errors, telemetry
from services.chassis.call import Call
from services.chassis.channels import CHANNEL_OPTIONS
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


class Peers:
    """The apis of the other services. Channels are opened when they are first needed, and kept."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._channels: dict[str, grpc.Channel] = {}
        self._methods: dict[str, Callable[..., Any]] = {}
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
            try:
                invoke = self._method(service, method, response)
                answer: M = invoke(request, timeout=min(call.seconds_left, MAX_SECONDS), metadata=metadata)
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
        for channel in self._channels.values():
            channel.close()

    def _method(self, service: str, method: str, response: type[Message]) -> Callable[..., Any]:
        key = f"{service} {method}"
        with self._lock:
            if key not in self._methods:
                self._methods[key] = self._channel(service).unary_unary(
                    "/" + method, request_serializer=_serialize, response_deserializer=response.FromString
                )
            return self._methods[key]

    def _channel(self, service: str) -> grpc.Channel:
        if service not in self._channels:
            self._channels[service] = grpc.insecure_channel(self._settings.peer(service), options=CHANNEL_OPTIONS)
        return self._channels[service]


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


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
