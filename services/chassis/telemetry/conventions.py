"""Spans and metrics under the names of OpenTelemetry's semantic conventions (1.45).

Each class knows one kind of operation: its span name, its attributes, when it counts as failed, and which
metric its duration belongs to. Durations are measured whether or not the span is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from time import perf_counter
from typing import Final

from opentelemetry.trace import SpanKind

from services.chassis.telemetry.metrics import Counter, Gauge, Histogram, Instrument
from services.chassis.telemetry.spans import Span

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

RPC_SERVER_DURATION = Histogram("rpc.server.call.duration", "Duration of incoming gRPC calls.")
HTTP_SERVER_DURATION = Histogram("http.server.request.duration", "Duration of HTTP requests to the gateway.")
PROCESS_DURATION = Histogram("messaging.process.duration", "Duration of handling one event.")
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

    __slots__ = ("_began", "_method", "code")

    def __init__(self, method: str, traceparent: str = "", tracestate: str = "") -> None:
        """`method` is the full name without the leading slash."""
        super().__init__(method, SpanKind.SERVER, traceparent, tracestate=tracestate)
        self._method = method
        self.code = "OK"
        self._began = perf_counter()

    def _failed(self, code: str, description: str) -> None:
        self.code = code if code in _GRPC_CODES else "INTERNAL"
        if self.code in SERVER_FAULTS:
            super()._failed(code, description)

    def end(self) -> None:
        """Ends the span with its status code, and measures the call."""
        attributes = _rpc_attributes(self._method, self.code)
        self._span.set_attributes(attributes)
        super().end()
        RPC_SERVER_DURATION.record(perf_counter() - self._began, attributes)


class RpcClientSpan(Span):
    """An outgoing gRPC call. Every status but OK is a failure here."""

    __slots__ = ("_method", "_server", "code")

    def __init__(self, method: str, server: str = "") -> None:
        """`method` is the full name without the leading slash; `server` is the address of its channel."""
        super().__init__(method, SpanKind.CLIENT)
        self._method = method
        self._server = server
        self.code = "OK"

    def _failed(self, code: str, description: str) -> None:
        self.code = code if code in _GRPC_CODES else "UNKNOWN"
        super()._failed(code, description)

    def end(self) -> None:
        """Ends the span with its status code."""
        self._span.set_attributes(_rpc_attributes(self._method, self.code, self._server))
        super().end()


class HttpServerSpan(Span):
    """An incoming HTTP request. Tell it the route and the status as they become known; 5xx is a failure."""

    __slots__ = ("_began", "_method", "route", "status")

    def __init__(self, method: str, traceparent: str = "", tracestate: str = "") -> None:
        self._method = method if method in _HTTP_METHODS else "_OTHER"
        super().__init__(self._method, SpanKind.SERVER, traceparent, tracestate=tracestate)
        self.route = ""
        self.status = 0
        self._began = perf_counter()

    def _failed(self, code: str, description: str) -> None:
        self.status = self.status or 500
        if self.status >= 500:
            super()._failed(code, description)

    def end(self) -> None:
        """Ends the span with method, route and status, and measures the request."""
        name, attributes = _http_attributes(self._method, self.route, self.status)
        if self.recording:
            self._span.update_name(name)
            self._span.set_attributes(attributes)
            if self.status >= 500 and self._failure is None:
                super()._failed(str(self.status), "")
        super().end()
        HTTP_SERVER_DURATION.record(perf_counter() - self._began, attributes)


class ProcessSpan(Span):
    """The handling of one message from the bus, as part of the trace that caused it."""

    __slots__ = ("_began", "_error", "_event_type", "_queue")

    def __init__(self, queue: str, event_type: str, traceparent: str, event_id: str = "", attempt: int = 1) -> None:
        """`attempt` counts deliveries of this event to this consumer, from 1."""
        attributes: dict[str, str | int] = {
            **_message_attributes("process", "process", queue, event_id),
            "cloudevents.event_type": event_type,
        }
        if attempt > 1:
            attributes["kith.attempt"] = attempt
        super().__init__(f"process {queue}", SpanKind.CONSUMER, traceparent, attributes)
        CONSUMED.add(1, (queue, event_type))
        self._queue = queue
        self._event_type = event_type
        self._error = ""
        self._began = perf_counter()

    def _failed(self, code: str, description: str) -> None:
        self._error = code
        super()._failed(code, description)

    def end(self) -> None:
        """Ends the span and measures the handling."""
        super().end()
        attributes = _process_attributes(self._queue, self._event_type, self._error)
        PROCESS_DURATION.record(perf_counter() - self._began, attributes)


def publish_span(exchange: str, routing_key: str, traceparent: str = "", event_id: str = "") -> Span:
    """The sending of one message; `traceparent` is that of the change, which may be long committed."""
    attributes = {
        **_message_attributes("publish", "send", exchange, event_id),
        "messaging.rabbitmq.destination.routing_key": routing_key,
    }
    return Span(f"publish {exchange}", SpanKind.PRODUCER, traceparent, attributes)


def db_span(operation: str, collection: str, database: str) -> Span:
    """One MongoDB command: its name, collection and database, never its values."""
    name, attributes = _db_attributes(operation, collection, database)
    return Span(name, SpanKind.CLIENT, "", attributes)


# What is the same for many spans is made once, as a dictionary that the SDK copies from.


@lru_cache(maxsize=4096)
def _rpc_attributes(method: str, code: str, server: str = "") -> Mapping[str, str | int]:
    values: dict[str, str | int] = {
        "rpc.system.name": "grpc",
        "rpc.method": method,
        "rpc.response.status_code": code,
    }
    if server:
        address, _, port = server.rpartition("/")[2].rpartition(":")
        values["server.address"] = address or port
        if address and port.isdigit():
            values["server.port"] = int(port)
    return values


@lru_cache(maxsize=4096)
def _http_attributes(method: str, route: str, status: int) -> tuple[str, Mapping[str, str | int]]:
    values: dict[str, str | int] = {"http.request.method": method}
    if route:
        values["http.route"] = route
    if status:
        values["http.response.status_code"] = status
    return f"{method} {route}" if route else method, values


@lru_cache(maxsize=1024)
def _process_attributes(queue: str, event_type: str, error: str) -> Mapping[str, str]:
    values = {
        "messaging.system": "rabbitmq",
        "messaging.destination.name": queue,
        "cloudevents.event_type": event_type,
    }
    return {**values, "error.type": error} if error else values


def _message_attributes(operation: str, kind: str, destination: str, event_id: str) -> dict[str, str]:
    values = {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": operation,
        "messaging.operation.type": kind,
        "messaging.destination.name": destination,
    }
    if event_id:
        values["messaging.message.id"] = event_id
    return values


@lru_cache(maxsize=1024)
def _db_attributes(operation: str, collection: str, database: str) -> tuple[str, Mapping[str, str]]:
    values = {
        "db.system.name": "mongodb",
        "db.operation.name": operation,
        "db.namespace": database,
    }
    if collection:
        values["db.collection.name"] = collection
    return f"{operation} {collection}" if collection else operation, values


_HTTP_METHODS = frozenset(("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"))
