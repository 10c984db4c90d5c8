"""The gRPC server of an api: every call is traced, authenticated, permitted, validated and answered with clear errors.

One wrapper per method does it in that order, so that nothing is written before it is authorised, and what is refused
has changed nothing. Methods are plain functions of (request, call).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import protovalidate
import pymongo
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from services.chassis import errors, status, telemetry
from services.chassis.call import Call
from services.chassis.channels import PING_SECONDS
from services.chassis.credentials import Credentials
from services.chassis.permissions import PUBLIC, require_permissions
from services.chassis.principal import Principal, Verifier
from services.chassis.resources import requests
from services.chassis.resources.store import translated
from services.chassis.resources.validation import check
from services.chassis.settings import Settings

Method = Callable[[Any, Call], Any]

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
MAX_METADATA_BYTES = 24 * 1024
DEFAULT_SECONDS = 10.0
"""A caller that sets no deadline gets this one."""
MOST_SECONDS = 60.0
"""No call takes longer, whatever its caller's deadline is."""

_ANSWER_SECONDS = 0.5
_NEVER_SECONDS = 1e9
_REPLAYED = (("idempotent-replayed", "true"),)
"""Trailing metadata of an answer that is an earlier one again; REST shows it as a header."""
_NO_SETTINGS = Settings(listen="")
_NOBODY = Principal(tenant="", subject="", permissions=())
_log = logging.getLogger(__name__)


class Server:
    """A gRPC server for some services' methods, with the standard health service.

    Of `settings` it takes how connections are secured, and how long they last.

    Raises:
        MissingPermission: a method has no permission option.
        SettingError: a certificate, its key or its authority cannot be used.
        TypeError: an RPC has no method, or a method no RPC.
    """

    def __init__(
        self,
        methods: Mapping[ServiceDescriptor, Mapping[str, Method]],
        verifier: Verifier,
        threads: int,
        settings: Settings = _NO_SETTINGS,
    ) -> None:
        self._credentials = Credentials(settings.tls).server() if settings.tls else None
        permissions = require_permissions(methods)
        self._health = health.HealthServicer(experimental_non_blocking=True)
        self._grpc = grpc.server(
            ThreadPoolExecutor(threads, thread_name_prefix="rpc"),
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                ("grpc.so_reuseport", 0),
                # A token with hundreds of permissions fits; gRPC's default is half a token.
                ("grpc.max_metadata_size", MAX_METADATA_BYTES),
                # Clients reconnect now and then, so that they find pods which were added.
                ("grpc.max_connection_age_ms", int(_age_seconds(settings) * 1000)),
                # What was begun on an old connection may end on it, however patient its caller is.
                ("grpc.max_connection_age_grace_ms", int(MOST_SECONDS * 1000) + 5_000),
                # Clients ping less often than that (`channels.py`), callers from elsewhere may ping as often.
                ("grpc.http2.min_ping_interval_without_data_ms", int(PING_SECONDS * 500)),
                ("grpc.keepalive_permit_without_calls", 1),
                # Callers that vanished without a word.
                ("grpc.keepalive_time_ms", 60_000),
                ("grpc.keepalive_timeout_ms", 10_000),
            ],
            # Beyond what the threads can do soon, a refusal now is better than an answer too late.
            maximum_concurrent_rpcs=threads * 64,
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        for service, by_name in methods.items():
            self._add(service, by_name, permissions, verifier)

    def start(self, address: str) -> int:
        """Listens on `host:port` (port 0 takes a free one) and answers; returns the port.

        Raises:
            RuntimeError: the address is taken.
        """
        if self._credentials is None:
            port = self._grpc.add_insecure_port(address)
        else:
            port = self._grpc.add_secure_port(address, self._credentials)
        self._grpc.start()
        self._health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        return int(port)

    def announce(self) -> None:
        """Says that it is ready: from now on health checks send callers here."""
        self._health.set("", health_pb2.HealthCheckResponse.SERVING)

    def withdraw(self) -> None:
        """Says that it is no longer ready, and serves on."""
        self._health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)

    def stop(self, grace_seconds: float = 10.0) -> None:
        """Refuses new calls, and lets running ones end.

        Calls that have arrived and not begun are cancelled. After a drain there are none: by then every connection has
        come of age and was taken elsewhere.
        """
        self._health.enter_graceful_shutdown()
        self._grpc.stop(grace_seconds).wait()

    def _add(
        self,
        service: ServiceDescriptor,
        by_name: Mapping[str, Method],
        permissions: Mapping[str, str],
        verifier: Verifier,
    ) -> None:
        declared = {rpc.name for rpc in service.methods}
        if declared != set(by_name):
            wrong = ", ".join(sorted(declared ^ set(by_name)))
            raise TypeError(f"{service.full_name}: these are declared or written, but not both: {wrong}")
        handlers: dict[str, Any] = {
            rpc.name: grpc.unary_unary_rpc_method_handler(
                _behaviour(rpc, by_name[rpc.name], permissions[rpc.full_name], verifier)
            )
            for rpc in service.methods
        }
        self._grpc.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))


def bind(service: ServiceDescriptor, standard: Mapping[str, Method], custom: object | None) -> dict[str, Method]:
    """All methods of a service: the standard ones, and those of `custom` in their place or besides."""
    written = {name: getattr(custom, name) for name in _names(service) if custom is not None and hasattr(custom, name)}
    return {**standard, **written}


def _age_seconds(settings: Settings) -> float:
    """After how long a client is told to connect anew: within a drain twice, the second time with fresh addresses."""
    if not settings.drain_seconds:
        return settings.connection_age_seconds
    return min(settings.connection_age_seconds, settings.drain_seconds / 2)


def _names(service: ServiceDescriptor) -> Iterable[str]:
    return (rpc.name for rpc in service.methods)


def _behaviour(
    rpc: MethodDescriptor, method: Method, permission: str, verifier: Verifier
) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    """What gRPC calls: bytes in, bytes out. The bytes are parsed here, so that garbage gets a clear answer too."""
    span_name = f"{rpc.containing_service.full_name}/{rpc.name}"
    request_class: type[Message] = GetMessageClass(rpc.input_type)
    public = permission == PUBLIC

    def answer(raw: bytes, context: grpc.ServicerContext) -> bytes:
        metadata = dict(context.invocation_metadata())
        trace = (str(metadata.get("traceparent", "")), str(metadata.get("tracestate", "")))
        with telemetry.RpcServerSpan(span_name, *trace) as span:
            try:
                authorization = str(metadata.get("authorization", ""))
                principal = _NOBODY if public else _admitted(verifier.verify(authorization), permission)
                request = _parsed(request_class, raw)
                check(protovalidate.collect_violations(request))
                seconds = _seconds_left(context)
                requests.begin()
                # A little less, so that a caller learns that the database is away instead of losing patience with us.
                with pymongo.timeout(seconds - min(_ANSWER_SECONDS, seconds / 10)), translated():
                    response: Message = method(request, Call(principal, seconds, _address(metadata, context)))
                if requests.replayed():
                    context.set_trailing_metadata(_REPLAYED)
                return response.SerializeToString()
            except Exception as error:
                known = _known(error)
                span.fail(known.code.name, known.message)
                context.abort_with_status(status.of(known, telemetry.current_trace_id()))
                raise AssertionError("unreachable: abort_with_status raises") from error

    return answer


def _admitted(principal: Principal, permission: str) -> Principal:
    if not principal.may(permission):
        raise errors.PermissionDenied(f"this needs the permission {permission}", metadata={"permission": permission})
    return principal


def _parsed(request_class: type[Message], raw: bytes) -> Message:
    try:
        request = request_class.FromString(raw)
    except DecodeError as error:
        raise errors.InvalidArgument(f"the request is no valid {request_class.DESCRIPTOR.full_name}") from error
    if b"\x00" in raw:
        _refuse_nul(request, "")
    return request


def _refuse_nul(message: Message, prefix: str) -> None:
    """Refuses NUL characters in texts: no two programs agree on what they mean."""
    for field, value in message.ListFields():
        for item in value if field.is_repeated and not isinstance(value, Mapping) else [value]:
            if isinstance(item, str) and "\x00" in item:
                raise errors.InvalidArgument.of(prefix + field.name, "holds a NUL character: leave it out")
            if isinstance(item, Message):
                _refuse_nul(item, f"{prefix}{field.name}.")


def _address(metadata: Mapping[str, Any], context: grpc.ServicerContext) -> str:
    """Where the call comes from: what the gateway says, else the other end of the connection (`ipv4:host:port`)."""
    forwarded = metadata.get("kith-client-address")
    return str(forwarded or context.peer().partition(":")[2].rpartition(":")[0])[:100]


def _seconds_left(context: grpc.ServicerContext) -> float:
    seconds = context.time_remaining()
    # Without a deadline gRPC says some hundred billion years.
    if seconds is None or seconds > _NEVER_SECONDS:
        return DEFAULT_SECONDS
    if seconds <= 0:
        raise errors.DeadlineExceeded("the caller's deadline is over")
    return min(float(seconds), MOST_SECONDS)


def _known(error: Exception) -> errors.KithError:
    """The error that the caller is told; what we did not foresee is logged, and tells nobody our internals."""
    if isinstance(error, errors.KithError):
        return error
    _log.error("unexpected error", exc_info=error)
    return errors.KithError("something went wrong on our side; the trace id says where", reason="INTERNAL")
