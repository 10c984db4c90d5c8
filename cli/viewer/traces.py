"""The last traces, bounded in number and bytes.

Spans arrive by the thousand and few are ever looked at. So a span stays in its wire form until somebody asks
for its trace or for the list; only its trace id is read on arrival.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from cli.viewer.values import plain, resource_pod, resource_service

MOST_TRACES: Final = 2_000
MOST_BYTES: Final = 48 * 1024 * 1024
_MOST_SPANS_OF_A_TRACE: Final = 2_000


@dataclass(slots=True)
class Filter:
    """What the list is narrowed to; empty fields narrow nothing."""

    text: str = ""
    service: str = ""
    min_milliseconds: float = 0.0
    errors: bool = False
    limit: int = 100


class Sender(NamedTuple):
    """Whose spans they are; outside of Kubernetes the pod is empty."""

    service: str
    pod: str


@dataclass(slots=True)
class Share:
    """What one service has of a trace."""

    start: int
    spans: int = 0


@dataclass(slots=True)
class Trace:
    """The spans of one trace, each as its sender and its OTLP bytes, and what is known of them so far."""

    id: str
    rows: list[tuple[Sender, bytes]] = field(default_factory=list)
    bytes: int = 0
    dropped: int = 0
    read: int = 0
    name: str = ""
    service: str = ""
    start: int = 0
    end: int = 0
    errors: int = 0
    services: dict[str, Share] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    _root_rank: tuple[bool, int] = (True, 0)

    def digest(self) -> None:
        """Reads the spans that came since the last time into the summary."""
        for (service, _pod), raw in self.rows[self.read :]:
            span = Span.FromString(raw)
            self.names.add(span.name)
            self.errors += span.status.code == Status.STATUS_CODE_ERROR
            start = span.start_time_unix_nano
            share = self.services.setdefault(service, Share(start))
            share.spans += 1
            share.start = min(share.start, start)
            self.start = min(self.start or start, start)
            self.end = max(self.end, span.end_time_unix_nano)
            # The span without a parent gives the trace its name; until it arrives, the earliest one does.
            rank = (bool(span.parent_span_id), start)
            if not self.name or rank < self._root_rank:
                self._root_rank, self.name, self.service = rank, span.name, service
        self.read = len(self.rows)

    def passes(self, wanted: Filter) -> bool:
        """Whether the list shows this trace."""
        if wanted.errors and not self.errors:
            return False
        if wanted.service and wanted.service not in self.services:
            return False
        if (self.end - self.start) / 1e6 < wanted.min_milliseconds:
            return False
        text = wanted.text.lower()
        return not text or self.id.startswith(text) or any(text in name.lower() for name in self._words())

    def _words(self) -> Iterator[str]:
        yield from self.names
        yield from self.services


class Traces:
    """Holds the newest traces; the oldest make room."""

    def __init__(self, most: int = MOST_TRACES, most_bytes: int = MOST_BYTES) -> None:
        self._traces: OrderedDict[bytes, Trace] = OrderedDict()
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._traces)

    def add(self, request: ExportTraceServiceRequest) -> None:
        """Keeps the spans of one export request."""
        for resource_spans in request.resource_spans:
            sender = Sender(resource_service(resource_spans.resource), resource_pod(resource_spans.resource))
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    self._keep(sender, span)
        while self._traces and (len(self._traces) > self._most or self._bytes > self._most_bytes):
            self._bytes -= self._traces.popitem(last=False)[1].bytes

    def newest(self, wanted: Filter) -> list[Trace]:
        """The newest traces that pass the filter, newest first."""
        found = []
        for trace in reversed(self._traces.values()):
            trace.digest()
            if trace.passes(wanted):
                found.append(trace)
                if len(found) >= wanted.limit:
                    break
        return found

    def services(self) -> list[str]:
        """The names of all services seen in the traces that have been read."""
        return sorted({name for trace in self._traces.values() for name in trace.services})

    def get(self, trace_id: str) -> Trace | None:
        """The trace of this id (32 hexadecimal digits), or None."""
        try:
            trace = self._traces.get(bytes.fromhex(trace_id))
        except ValueError:
            return None
        if trace is not None:
            trace.digest()
        return trace

    def _keep(self, sender: Sender, span: Span) -> None:
        trace = self._traces.get(span.trace_id)
        if trace is None:
            trace = self._traces[span.trace_id] = Trace(span.trace_id.hex())
        if len(trace.rows) >= _MOST_SPANS_OF_A_TRACE:
            trace.dropped += 1
            return
        raw = span.SerializeToString()
        trace.rows.append((sender, raw))
        trace.bytes += len(raw)
        self._bytes += len(raw)


def summary(trace: Trace) -> dict[str, object]:
    """A trace as one line of the list; its services stand in the order in which they took part."""
    services = sorted(trace.services.items(), key=lambda pair: pair[1].start)
    return {
        "traceId": trace.id,
        "name": trace.name,
        "service": trace.service,
        "services": [{"name": name, "spans": share.spans} for name, share in services],
        "startMs": trace.start / 1e6,
        "durationMs": (trace.end - trace.start) / 1e6,
        "spans": len(trace.rows),
        "errors": trace.errors,
    }


def waterfall(trace: Trace) -> dict[str, object]:
    """A trace with all its spans, parents before children, siblings by start, each with its depth."""
    spans = [(sender, Span.FromString(raw)) for sender, raw in trace.rows]
    known = {span.span_id for _, span in spans}
    children: dict[bytes, list[tuple[Sender, Span]]] = {}
    for sender, span in spans:
        parent = span.parent_span_id if span.parent_span_id in known else b""
        children.setdefault(parent, []).append((sender, span))
    rows = [_row(sender, span, depth, trace.start) for sender, span, depth in _depth_first(children)]
    return {**summary(trace), "dropped": trace.dropped, "rows": rows}


def _depth_first(
    children: dict[bytes, list[tuple[Sender, Span]]],
) -> Iterator[tuple[Sender, Span, int]]:
    # An explicit stack, since the depth of a trace is its sender's choice. A span's children leave the table when
    # they are visited, which ends at cycles; what is left in the end belongs to a cycle and is shown all the same.
    stack = _latest_first(children.pop(b"", []), 0)
    while stack or children:
        if not stack:
            stack = _latest_first(children.pop(next(iter(children))), 0)
        sender, span, depth = stack.pop()
        yield sender, span, depth
        stack.extend(_latest_first(children.pop(span.span_id, []), depth + 1))


def _latest_first(spans: list[tuple[Sender, Span]], depth: int) -> list[tuple[Sender, Span, int]]:
    ordered = sorted(spans, key=lambda pair: pair[1].start_time_unix_nano, reverse=True)
    return [(sender, span, depth) for sender, span in ordered]


def _row(sender: Sender, span: Span, depth: int, trace_start: int) -> dict[str, object]:
    return {
        "spanId": span.span_id.hex(),
        "parentId": span.parent_span_id.hex(),
        "name": span.name,
        "service": sender.service,
        "pod": sender.pod,
        "kind": Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        "depth": depth,
        "offsetMs": (span.start_time_unix_nano - trace_start) / 1e6,
        "durationMs": (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6,
        "error": span.status.code == Status.STATUS_CODE_ERROR,
        "message": span.status.message,
        "attributes": {pair.key: plain(pair.value) for pair in span.attributes},
        "events": [
            {
                "name": event.name,
                "offsetMs": (event.time_unix_nano - trace_start) / 1e6,
                "attributes": {pair.key: plain(pair.value) for pair in event.attributes},
            }
            for event in span.events
        ],
        "links": [{"traceId": link.trace_id.hex(), "spanId": link.span_id.hex()} for link in span.links],
    }
