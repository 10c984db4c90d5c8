"""Spans: who called whom, when, and how it ended.

A `Span` is one span of OpenTelemetry's SDK and knows what this code base asks of it: a parent given as text,
ids to show to people, and one place that says how it failed. The SDK makes the ids, decides what is recorded
and keeps the current span in a context variable, so threads, green threads and asyncio tasks are served alike.
A span that is not recorded still has its ids, so every response can show its trace id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import Token
from functools import cache
from types import TracebackType
from typing import Final, Self

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.chassis.telemetry.privacy import mask

Value = str | bool | int | float
Attributes = Mapping[str, Value]

_LONGEST_VALUE = 1024  # characters of a text attribute; longer ones are cut
_W3C: Final = TraceContextTextMapPropagator()


class Span:
    """One timed operation: use it in a `with` statement, which makes it current, or call `end()` yourself."""

    __slots__ = ("_carried", "_failure", "_span", "_token", "_told")

    def __init__(
        self,
        name: str,
        kind: SpanKind,
        traceparent: str = "",
        attributes: Attributes | None = None,
        tracestate: str = "",
    ) -> None:
        """`traceparent` names the parent; without a valid one it is the current span, or else a trace begins."""
        # Without a parent of its own the context is left to the SDK, which takes the current one.
        context = _remote(traceparent, tracestate) if traceparent else None
        self._span = (_tracer or _idle_tracer()).start_span(name, context, kind, attributes)
        self._failure: tuple[str, str] | None = None
        self._told = False
        self._token: Token[Context] | None = None
        self._carried: Mapping[str, str] | None = None

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        return trace.format_trace_id(self._span.get_span_context().trace_id)

    @property
    def span_id(self) -> str:
        """16 hexadecimal digits."""
        return trace.format_span_id(self._span.get_span_context().span_id)

    @property
    def recording(self) -> bool:
        """Whether attributes are kept: it is sampled and has not ended."""
        return self._span.is_recording()

    @property
    def headers(self) -> Mapping[str, str]:
        """What to send along with whatever this span causes: `traceparent`, and `tracestate` if there is one."""
        if self._carried is None:
            self._carried = _injected(trace.set_span_in_context(self._span, _NO_CONTEXT))
        return self._carried

    @property
    def traceparent(self) -> str:
        """This span's W3C `traceparent`."""
        return self.headers.get("traceparent", "")

    def set(self, key: str, value: Value) -> None:
        """Adds an attribute. Give it no bodies, tokens or personal data; text is cut at 1,024 characters."""
        self._span.set_attribute(key, value[:_LONGEST_VALUE] if isinstance(value, str) else value)

    def fail(self, code: str, description: str = "") -> None:
        """Tells how it failed, in place of what was told before and of an exception on the way out.

        `code` is a status name or an error class; the description is masked. Each kind of span judges for
        itself whether that is a failure: a server's is not what its caller did wrong.
        """
        self._told = True
        self._failure = None
        self._failed(code, description)

    def end(self) -> None:
        """Stops the clock and hands the span over for export."""
        span = self._span
        if span.is_recording():
            if self._failure is not None:
                code, description = self._failure
                span.set_attribute("error.type", code)
                span.set_status(Status(StatusCode.ERROR, mask(description) or None))
            span.end()

    @contextmanager
    def current(self) -> Iterator[None]:
        """Makes it current for a while, without ending it."""
        token = attach(trace.set_span_in_context(self._span))
        try:
            yield
        finally:
            detach(token)

    def __enter__(self) -> Self:
        self._token = attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and not self._told:
            self.fail(error_code(error))
        if self._token is not None:
            detach(self._token)
        self.end()

    def _failed(self, code: str, description: str) -> None:
        self._failure = (code, description)


def server_span(name: str, traceparent: str = "", attributes: Attributes | None = None) -> Span:
    """A request that came in from elsewhere; `RpcServerSpan` and `HttpServerSpan` know their conventions."""
    return Span(name, SpanKind.SERVER, traceparent, _cut(attributes))


def client_span(name: str, attributes: Attributes | None = None) -> Span:
    """A call to another program, such as an SMTP server."""
    return Span(name, SpanKind.CLIENT, "", _cut(attributes))


def error_code(error: BaseException) -> str:
    """A short name for what went wrong: the gRPC status an error carries (`NOT_FOUND`), or else its class."""
    code = getattr(error, "code", None)
    name = getattr(code() if callable(code) else code, "name", None)
    if isinstance(name, str):
        return name
    return type(error).__qualname__


def current_ids() -> tuple[str, str]:
    """Trace id and span id of the innermost open span of this thread, green thread or task; else empty texts."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return "", ""
    return trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)


def current_trace_id() -> str:
    """The current trace's id, 32 hexadecimal digits, or the empty text outside of any span."""
    return current_ids()[0]


def current_headers() -> Mapping[str, str]:
    """`traceparent`, and `tracestate` if there is one, to send along with a call; empty outside of any span."""
    return _injected(None)


def current_traceparent() -> str:
    """The current span's W3C `traceparent`, or the empty text outside of any span."""
    return _injected(None).get("traceparent", "")


def install(tracer: Tracer | None) -> None:
    """Makes all spans begun from now on go to this tracer; without one they have ids and nothing is kept."""
    global _tracer  # noqa: PLW0603  (like logging, recording is a property of the process)
    _tracer = tracer


@cache
def _idle_tracer() -> Tracer:
    return TracerProvider(ALWAYS_OFF, Resource.get_empty(), shutdown_on_exit=False).get_tracer("kith")


def _remote(traceparent: str, tracestate: str) -> Context | None:
    carrier = {"traceparent": traceparent, "tracestate": tracestate} if tracestate else {"traceparent": traceparent}
    # What cannot be read leaves the context empty, and then the current span is the parent.
    return _W3C.extract(carrier) or None


def _injected(context: Context | None) -> Mapping[str, str]:
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, context)
    return carrier


def _cut(attributes: Attributes | None) -> Attributes | None:
    if attributes is None:
        return None
    return {key: value[:_LONGEST_VALUE] if isinstance(value, str) else value for key, value in attributes.items()}


_NO_CONTEXT: Final = Context()
_tracer: Tracer | None = None
