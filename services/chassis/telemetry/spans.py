"""Spans: who called whom, when, and how it ended (W3C Trace Context, OpenTelemetry).

One class serves threads, green threads and asyncio tasks alike, because the current span lives in a
context variable. A span is a context manager; leaving it by an exception marks it failed. A span that is
not recorded still has its ids, so every response can show its trace id.
"""

from __future__ import annotations

import re
import struct
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar, Token
from functools import lru_cache
from random import getrandbits
from types import TracebackType
from typing import Final, Self

from services.chassis.telemetry import wire
from services.chassis.telemetry.privacy import mask
from services.chassis.telemetry.wire import Value

INTERNAL: Final = 1
SERVER: Final = 2
CLIENT: Final = 3
PRODUCER: Final = 4
CONSUMER: Final = 5


class Recorder:
    """Decides which new traces are recorded, and takes the bytes of finished spans.

    `ratio` (0 to 1) is the share of new traces that is recorded; a trace begun elsewhere keeps its own flag.
    Without a `queue` nothing is kept, yet ids and flags travel on. The queue drops its oldest span when full.
    """

    __slots__ = ("bound", "queue")

    def __init__(self, ratio: float, queue: deque[bytes] | None) -> None:
        self.bound = round(min(max(ratio, 0.0), 1.0) * (1 << 64))
        self.queue = queue


class Span:
    """One timed operation: use it in a `with` statement, which makes it current, or call `end()` yourself."""

    __slots__ = (
        "_attributes",
        "_clock",
        "_failure",
        "_links",
        "_parent_id",
        "_queue",
        "_remote",
        "_start",
        "_token",
        "_told",
        "kind",
        "name",
        "recording",
        "sampled",
        "seconds",
        "span_id",
        "trace_id",
    )

    def __init__(
        self,
        name: str,
        kind: int,
        traceparent: str = "",
        attributes: Mapping[str, Value] | None = None,
        links: Sequence[str] = (),
    ) -> None:
        """`traceparent` names the parent; without a valid one it is the current span, or else a trace begins.

        `links` are traceparents of other spans that led to this one.
        """
        self.name = name
        self.kind = kind
        self.span_id: str = "%016x" % (getrandbits(64) or 1)
        recorder = _recorder
        remote = _PARENT.match(traceparent) if traceparent else None
        if remote is not None:
            self.trace_id, self._parent_id, flags = remote.groups()
            self.sampled = int(flags, 16) & 1 == 1
            self._remote = True
        elif (current := _current.get()) is not None:
            self.trace_id = current.trace_id
            self._parent_id = current.span_id
            self.sampled = current.sampled
            self._remote = False
        else:
            self.trace_id = "%032x" % (getrandbits(128) or 1)
            self._parent_id = ""
            self.sampled = int(self.trace_id[16:], 16) < recorder.bound
            self._remote = False
        self.seconds = 0.0
        self.recording = self.sampled and recorder.queue is not None
        self._failure = b""
        self._told = False
        self._token: Token[Span | None] | None = None
        if self.recording:
            self._queue = recorder.queue
            self._attributes = [wire.attributes(9, attributes)] if attributes else []
            self._links = links
            self._start = time.time_ns()
        self._clock = time.perf_counter_ns()

    @property
    def traceparent(self) -> str:
        """This span's W3C `traceparent`, to be sent along with whatever it causes."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    def set(self, key: str, value: Value) -> None:
        """Adds an attribute. Give it no bodies, tokens or personal data; text is cut at 1,024 characters."""
        if self.recording:
            self._attributes.append(wire.attribute(9, key, value))

    def fail(self, code: str, description: str = "") -> None:
        """Tells how it failed, in place of what was told before and of an exception on the way out.

        `code` is a status name or an error class; the description is masked. Each kind of span judges for
        itself whether that is a failure: a server's is not what its caller did wrong.
        """
        self._told = True
        self._failure = b""
        self._failed(code, description)

    def end(self) -> None:
        """Stops the clock and hands the span over for export. `seconds` holds its duration afterwards."""
        elapsed = time.perf_counter_ns() - self._clock
        self.seconds = elapsed * 1e-9
        if self.recording:
            self.recording = False
            assert self._queue is not None
            self._queue.append(self._encoded(self._start + elapsed))

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not self._told:
            self.fail(error_code(error))
        if self._token is not None:
            # A generator or task may be closed from another context, which never had this span as current.
            with suppress(ValueError):
                _current.reset(self._token)
        self.end()

    def _failed(self, code: str, description: str) -> None:
        if self.recording:
            message = wire.text(2, mask(description)) if description else b""
            self._failure = wire.attribute(9, "error.type", code) + wire.delimited(15, message + _ERROR)

    def _encoded(self, end: int) -> bytes:
        ids = bytes.fromhex(self.trace_id + self.span_id + self._parent_id)
        parts = [_FIXED.pack(b"\x0a\x10", ids[:16], b"\x12\x08", ids[16:24], 0x39, self._start, 0x41, end)]
        if self._parent_id:
            parts.append(b"\x22\x08" + ids[24:])
        parts.append(_head(self.name, self.kind, self._remote))
        parts.extend(self._attributes)
        if self._links:
            parts.extend(map(_link, self._links))
        parts.append(self._failure)
        return b"".join(parts)


def error_code(error: BaseException) -> str:
    """A short name for what went wrong: the gRPC status an error carries (`NOT_FOUND`), or else its class."""
    code = getattr(error, "code", None)
    name = getattr(code() if callable(code) else code, "name", None)
    if isinstance(name, str):
        return name
    return type(error).__qualname__


def current_span() -> Span | None:
    """The innermost open span of this thread, green thread or task."""
    return _current.get()


def current_traceparent() -> str:
    """The current span's W3C `traceparent`, or the empty string outside of any span."""
    span = _current.get()
    return span.traceparent if span is not None else ""


def current_trace_id() -> str:
    """The current trace's id, 32 hexadecimal digits, or the empty string outside of any span."""
    span = _current.get()
    return span.trace_id if span is not None else ""


def install(recorder: Recorder) -> None:
    """Makes all spans begun from now on go to this recorder."""
    global _recorder  # noqa: PLW0603  (like logging, recording is a property of the process)
    _recorder = recorder


@lru_cache(maxsize=2048)
def _head(name: str, kind: int, remote: bool) -> bytes:
    flags = 0x301 if remote else 0x101  # sampled, "is remote" is known, and its answer
    return wire.text(5, name) + wire.integer(6, kind) + b"\x85\x01" + struct.pack("<I", flags)


def _link(traceparent: str) -> bytes:
    match = _PARENT.match(traceparent)
    if match is None:
        return b""
    return wire.delimited(
        13,
        wire.delimited(1, bytes.fromhex(match[1])) + wire.delimited(2, bytes.fromhex(match[2])),
    )


_FIXED = struct.Struct("<2s16s2s8sBQBQ")
_ERROR = wire.integer(3, 2)
# Version 00 has exactly four fields; a later version may add some. Ids of zeros only are invalid.
_PARENT = re.compile(
    r"(?:00(?=.{53}\Z)|(?!00|ff)[0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?\Z"
)
_current: ContextVar[Span | None] = ContextVar("kith_current_span", default=None)
_recorder = Recorder(0.0, None)
