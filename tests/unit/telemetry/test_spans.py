"""What a span is: ids, parents, sampling, failures."""

from __future__ import annotations

import asyncio
import threading

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from services.chassis import telemetry
from services.chassis.telemetry import spans
from tests.unit.telemetry.conftest import Kept

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = PARENT[:-1] + "0"


def test_a_span_continues_the_trace_it_is_given(kept: Kept) -> None:
    with telemetry.server_span("work", PARENT) as span:
        assert telemetry.current_trace_id() == "0af7651916cd43dd8448eb211c80319c"
        assert telemetry.current_traceparent() == f"00-{span.trace_id}-{span.span_id}-01"
    written = kept.one()
    assert written.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert written.parent_span_id.hex() == "b7ad6b7169203331"
    assert written.span_id.hex() == span.span_id
    assert written.kind == WireSpan.SPAN_KIND_SERVER
    assert written.flags == 0x300  # its parent is known to be remote
    assert 0 <= written.end_time_unix_nano - written.start_time_unix_nano < 1e9


def test_a_span_inside_another_is_its_child(kept: Kept) -> None:
    with telemetry.server_span("outer"), telemetry.client_span("inner"):
        pass
    inner, outer = kept.all()
    assert inner.trace_id == outer.trace_id
    assert inner.parent_span_id == outer.span_id
    assert not outer.parent_span_id
    assert telemetry.current_trace_id() == ""


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "nonsense",
        PARENT.upper(),
        PARENT + "-more",
        PARENT[:-1],
        "ff" + PARENT[2:],
        "00-" + "0" * 32 + PARENT[35:],
        PARENT[:36] + "0" * 16 + "-01",
    ],
)
def test_a_wrong_traceparent_begins_a_new_trace(kept: Kept, wrong: str) -> None:
    with telemetry.server_span("work", wrong):
        pass
    assert kept.one().parent_span_id == b""


def test_a_traceparent_of_a_later_version_is_understood(kept: Kept) -> None:
    with telemetry.server_span("work", "01" + PARENT[2:] + "-something"):
        pass
    assert kept.one().parent_span_id.hex() == "b7ad6b7169203331"


def test_what_other_vendors_carry_along_is_carried_on(kept: Kept) -> None:
    with telemetry.RpcServerSpan("kith.test.v1.TestService/Get", PARENT, "vendor=1,other=2") as span:
        assert span.headers == {"traceparent": span.traceparent, "tracestate": "vendor=1,other=2"}
        with telemetry.RpcClientSpan("kith.test.v1.TestService/Next") as call:
            assert telemetry.current_headers() == call.headers
            assert call.headers["tracestate"] == "vendor=1,other=2"
    assert kept.all()[0].trace_state == "vendor=1,other=2"


def test_what_the_caller_did_not_sample_is_not_recorded_yet_has_its_ids(kept: Kept) -> None:
    with telemetry.server_span("work", UNSAMPLED), telemetry.client_span("call"):
        assert telemetry.current_traceparent().startswith(UNSAMPLED[:36])
        assert telemetry.current_traceparent().endswith("-00")
    assert kept.all() == []


def test_about_a_tenth_is_recorded_at_a_ratio_of_a_tenth() -> None:
    kept = Kept(0.1)
    spans.install(kept.tracer)
    for _ in range(2000):
        with telemetry.server_span("work"):
            pass
    spans.install(None)
    assert 120 < len(kept.all()) < 290


def test_without_a_start_spans_have_ids_and_keep_nothing() -> None:
    with telemetry.server_span("work") as span:
        assert len(telemetry.current_trace_id()) == 32
        assert not span.recording


def test_an_exception_marks_the_span_as_failed_without_its_message(kept: Kept) -> None:
    with pytest.raises(ValueError, match="ada"), telemetry.client_span("work"):
        raise ValueError("ada@example.com")
    span = kept.one()
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert ("error.type", "ValueError") in texts(span)
    assert b"ada" not in span.SerializeToString()


def test_a_description_is_told_without_what_it_quotes(kept: Kept) -> None:
    with telemetry.client_span("work") as span:
        telemetry.record_error(span, "ALREADY_EXISTS", 'E11000 dup key: { email: "ada@example.com" }')
    assert kept.one().status.message == "E11000 dup key: { email: '…' }"


def test_threads_do_not_see_each_others_spans(kept: Kept) -> None:
    seen: list[str] = []
    with telemetry.server_span("work"):
        thread = threading.Thread(target=lambda: seen.append(telemetry.current_trace_id()))
        thread.start()
        thread.join()
    assert seen == [""]


def test_tasks_keep_their_own_span_across_awaits(kept: Kept) -> None:
    async def work() -> bool:
        with telemetry.server_span("work") as span:
            await asyncio.sleep(0.001)
            return telemetry.current_trace_id() == span.trace_id

    async def both() -> list[bool]:
        return list(await asyncio.gather(*[work() for _ in range(20)]))

    assert all(asyncio.run(both()))
    assert len({span.trace_id for span in kept.all()}) == 20


def test_a_long_text_is_cut(kept: Kept) -> None:
    with telemetry.client_span("work", {"note": "x" * 5000}):
        pass
    assert texts(kept.one()) == [("note", "x" * 1024)]


def test_a_span_of_another_library_is_a_parent_and_a_child(kept: Kept) -> None:
    with telemetry.server_span("ours"), kept.tracer.start_as_current_span("theirs"), telemetry.client_span("inner"):
        pass
    inner, theirs, ours = kept.all()
    assert inner.parent_span_id == theirs.span_id
    assert theirs.parent_span_id == ours.span_id


def texts(span: WireSpan) -> list[tuple[str, str]]:
    """The span's text attributes."""
    return [(pair.key, pair.value.string_value) for pair in span.attributes if pair.value.string_value]
