"""Spans and metrics under the names of OpenTelemetry's semantic conventions (1.45).

Each class knows one kind of operation: its span name, its attributes, when it counts as failed, and which
metric its duration belongs to. Durations are measured whether or not the span is recorded.
"""

from __future__ import annotations

from functools import lru_cache
from types import TracebackType
from typing import Final

from services.chassis.telemetry import spans, wire
from services.chassis.telemetry.metrics import Counter, Gauge, Histogram, Instrument
from services.chassis.telemetry.spans import Span
from services.chassis.telemetry.wire import Value

# What a gRPC server is to blame for; the other codes tell the caller about its own request.
SERVER_FAULTS: Final = frozenset(
    ("UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS")
)
_GRPC_CODES: Final = SERVER_FAULTS | frozenset(
    (
        "OK",
        "CANCELLED",
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNAUTHENTICATED",
    )
)

RPC_SERVER_DURATION = Histogram(
    "rpc.server.call.duration",
    "s",
    "Duration of incoming gRPC calls.",
    ("rpc.system.name", "rpc.method", "rpc.response.status_code"),
)
HTTP_SERVER_DURATION = Histogram(
    "http.server.request.duration",
    "s",
    "Duration of HTTP requests to the gateway.",
    ("http.request.method", "http.route", "http.response.status_code"),
)
PROCESS_DURATION = Histogram(
    "messaging.process.duration",
    "s",
    "Duration of handling one event.",
    ("messaging.system", "messaging.destination.name", "cloudevents.event_type", "error.type"),
)
CONSUMED = Counter(
    "messaging.client.consumed.messages",
    "{message}",
    "Events delivered to this consumer, repeated deliveries included.",
    ("messaging.destination.name", "cloudevents.event_type"),
)
SENT = Counter(
    "messaging.client.sent.messages",
    "{message}",
    "Changes relayed to the bus and confirmed by it.",
    ("messaging.destination.name",),
)
PARKED = Counter(
    "kith.events.parked",
    "{message}",
    "Events put into the parking queue after their last attempt.",
    ("messaging.destination.name", "error.type"),
)
RELAY_LAG = Gauge("kith.relay.lag", "s", "Age of the change that was relayed last, when it was relayed.")

INSTRUMENTS: tuple[Instrument, ...] = (
    RPC_SERVER_DURATION,
    HTTP_SERVER_DURATION,
    PROCESS_DURATION,
    CONSUMED,
    SENT,
    PARKED,
    RELAY_LAG,
)


class RpcServerSpan(Span):
    """An incoming gRPC call. It keeps every status code, and fails only for the server's own faults."""

    __slots__ = ("code",)

    def __init__(self, method: str, traceparent: str = "") -> None:
        """`method` is the full name without the leading slash."""
        super().__init__(method, spans.SERVER, traceparent)
        self.code = "OK"
        if self.recording:
            self._attributes.append(_rpc_attributes(method))

    def _failed(self, code: str, description: str) -> None:
        self.code = code if code in _GRPC_CODES else "INTERNAL"
        if self.code in SERVER_FAULTS:
            super()._failed(code, description)

    def end(self) -> None:
        """Ends the span and measures the call."""
        self.set("rpc.response.status_code", self.code)
        super().end()
        RPC_SERVER_DURATION.record(self.seconds, ("grpc", self.name, self.code))


class RpcClientSpan(Span):
    """An outgoing gRPC call. Every status but OK is a failure here."""

    __slots__ = ("code",)

    def __init__(self, method: str, server: str = "") -> None:
        """`method` is the full name without the leading slash; `server` is its address, `host:port`."""
        super().__init__(method, spans.CLIENT)
        self.code = "OK"
        if self.recording:
            self._attributes.append(_rpc_attributes(method))
            if server:
                self._attributes.append(_server_attributes(server))

    def _failed(self, code: str, description: str) -> None:
        self.code = code if code in _GRPC_CODES else "UNKNOWN"
        super()._failed(code, description)

    def end(self) -> None:
        """Ends the span with its status code."""
        self.set("rpc.response.status_code", self.code)
        super().end()


class HttpServerSpan(Span):
    """An incoming HTTP request. Tell it the route and the status as they become known; 5xx is a failure."""

    __slots__ = ("_method", "route", "status")

    def __init__(self, method: str, traceparent: str = "") -> None:
        known = method if method in _HTTP_METHODS else "_OTHER"
        super().__init__(known, spans.SERVER, traceparent)
        self._method = known
        self.route = ""
        self.status = 0

    def _failed(self, code: str, description: str) -> None:
        self.status = self.status or 500
        if self.status >= 500:
            super()._failed(code, description)

    def end(self) -> None:
        """Ends the span with method, route and status, and measures the request."""
        status = str(self.status)
        if self.recording:
            self.name = f"{self._method} {self.route}" if self.route else self._method
            self._attributes.append(_http_attributes(self._method, self.route, self.status))
            if self.status >= 500 and not self._failure:
                super()._failed(status, "")
        super().end()
        HTTP_SERVER_DURATION.record(self.seconds, (self._method, self.route, status))


class ProcessSpan(Span):
    """The handling of one message from the bus, as part of the trace that caused it."""

    __slots__ = ("_error", "_event_type", "_queue_name")

    def __init__(self, queue: str, event_type: str, traceparent: str, event_id: str = "", attempt: int = 1) -> None:
        """`attempt` counts deliveries of this event to this consumer, from 1."""
        super().__init__(f"process {queue}", spans.CONSUMER, traceparent)
        self._queue_name = queue
        self._event_type = event_type
        self._error = ""
        CONSUMED.add(1, (queue, event_type))
        if self.recording:
            self._attributes.append(_message_attributes("process", "process", queue))
            self.set("cloudevents.event_type", event_type)
            if event_id:
                self.set("messaging.message.id", event_id)
            if attempt > 1:
                self.set("kith.attempt", attempt)

    def _failed(self, code: str, description: str) -> None:
        self._error = code
        super()._failed(code, description)

    def end(self) -> None:
        """Ends the span and measures the handling."""
        super().end()
        PROCESS_DURATION.record(self.seconds, ("rabbitmq", self._queue_name, self._event_type, self._error))


def publish_span(exchange: str, routing_key: str, traceparent: str = "", event_id: str = "") -> Span:
    """The sending of one message; `traceparent` is that of the change, which may be long committed."""
    span = Span(f"publish {exchange}", spans.PRODUCER, traceparent)
    if span.recording:
        span._attributes.append(_message_attributes("publish", "send", exchange))
        span.set("messaging.rabbitmq.destination.routing_key", routing_key)
        if event_id:
            span.set("messaging.message.id", event_id)
    return span


class _DbSpan(Span):
    __slots__ = ()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and isinstance(code := getattr(error, "code", None), int):
            self.set("db.response.status_code", str(code))
        super().__exit__(kind, error, trace)


def db_span(operation: str, collection: str, database: str) -> Span:
    """One MongoDB command: its name, collection and database, never its values."""
    span = _DbSpan(f"{operation} {collection}" if collection else operation, spans.CLIENT)
    if span.recording:
        span._attributes.append(_db_attributes(operation, collection, database))
    return span


@lru_cache(maxsize=1024)
def _rpc_attributes(method: str) -> bytes:
    return wire.attributes(9, {"rpc.system.name": "grpc", "rpc.method": method})


@lru_cache(maxsize=64)
def _server_attributes(server: str) -> bytes:
    address, _, port = server.rpartition(":")
    values: dict[str, Value] = {"server.address": address or server}
    if address and port.isdigit():
        values["server.port"] = int(port)
    return wire.attributes(9, values)


@lru_cache(maxsize=1024)
def _http_attributes(method: str, route: str, status: int) -> bytes:
    values: dict[str, Value] = {"http.request.method": method}
    if route:
        values["http.route"] = route
    if status:
        values["http.response.status_code"] = status
    return wire.attributes(9, values)


@lru_cache(maxsize=256)
def _message_attributes(operation: str, kind: str, destination: str) -> bytes:
    return wire.attributes(
        9,
        {
            "messaging.system": "rabbitmq",
            "messaging.operation.name": operation,
            "messaging.operation.type": kind,
            "messaging.destination.name": destination,
        },
    )


@lru_cache(maxsize=1024)
def _db_attributes(operation: str, collection: str, database: str) -> bytes:
    values: dict[str, Value] = {
        "db.system.name": "mongodb",
        "db.operation.name": operation,
        "db.namespace": database,
    }
    if collection:
        values["db.collection.name"] = collection
    return wire.attributes(9, values)


_HTTP_METHODS = frozenset(("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"))
