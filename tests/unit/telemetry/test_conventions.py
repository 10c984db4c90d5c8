"""Names, attributes and statuses follow OpenTelemetry's semantic conventions."""

from __future__ import annotations

from enum import Enum

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from services.chassis import telemetry
from tests.unit.telemetry.conftest import Kept

METHOD = "kith.contact.v1.ContactService/GetContact"


class Code(Enum):
    """As grpc.StatusCode, which must not be imported where eventlet rules."""

    NOT_FOUND = 5
    UNAVAILABLE = 14


class AnsweredError(Exception):
    """As the errors of the chassis and of grpc: it carries a status code."""

    def __init__(self, code: Code) -> None:
        self.code = code


def test_a_grpc_call_is_told_by_its_full_method_and_status(kept: Kept) -> None:
    with telemetry.RpcServerSpan(METHOD):
        pass
    span = kept.one()
    assert span.name == METHOD
    assert span.kind == WireSpan.SPAN_KIND_SERVER
    assert values(span) == {
        "rpc.system.name": "grpc",
        "rpc.method": METHOD,
        "rpc.response.status_code": "OK",
    }


@pytest.mark.parametrize(("code", "failed"), [(Code.NOT_FOUND, False), (Code.UNAVAILABLE, True)])
def test_a_server_span_fails_only_for_the_servers_fault(kept: Kept, code: Code, failed: bool) -> None:
    with pytest.raises(AnsweredError), telemetry.RpcServerSpan(METHOD):
        raise AnsweredError(code)
    span = kept.one()
    assert (span.status.code == Status.STATUS_CODE_ERROR) is failed
    assert values(span)["rpc.response.status_code"] == code.name


def test_an_unforeseen_exception_is_the_servers_fault(kept: Kept) -> None:
    with pytest.raises(ZeroDivisionError), telemetry.RpcServerSpan(METHOD):
        raise ZeroDivisionError
    span = kept.one()
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert values(span)["rpc.response.status_code"] == "INTERNAL"
    assert values(span)["error.type"] == "ZeroDivisionError"


def test_what_was_told_outweighs_the_exception_that_ends_the_call(kept: Kept) -> None:
    call = telemetry.RpcServerSpan(METHOD)
    call.fail("UNAVAILABLE")
    call.fail("NOT_FOUND")
    with pytest.raises(RuntimeError), call:
        raise RuntimeError("how grpc leaves a handler that aborts")
    assert kept.one().status.code == Status.STATUS_CODE_UNSET
    assert values(kept.one())["rpc.response.status_code"] == "NOT_FOUND"


def test_a_client_span_fails_for_every_status_but_ok(kept: Kept) -> None:
    with pytest.raises(AnsweredError), telemetry.RpcClientSpan(METHOD, "127.0.0.1:50051"):
        raise AnsweredError(Code.NOT_FOUND)
    span = kept.one()
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert values(span)["error.type"] == "NOT_FOUND"
    assert values(span)["server.address"] == "127.0.0.1"
    assert values(span)["server.port"] == 50051


def test_a_grpc_target_is_told_as_address_and_port(kept: Kept) -> None:
    with telemetry.RpcClientSpan(METHOD, "dns:///contact-api.kith.svc:50051"):
        pass
    assert values(kept.one())["server.address"] == "contact-api.kith.svc"
    assert values(kept.one())["server.port"] == 50051


@pytest.mark.parametrize(("status", "failed"), [(200, False), (404, False), (503, True)])
def test_an_http_request_is_told_by_its_route_and_fails_from_500(kept: Kept, status: int, failed: bool) -> None:
    with telemetry.HttpServerSpan("GET") as request:
        request.route = "/v1/{name=contacts/*}"
        request.status = status
    span = kept.one()
    assert span.name == "GET /v1/{name=contacts/*}"
    assert (span.status.code == Status.STATUS_CODE_ERROR) is failed
    assert values(span)["http.response.status_code"] == status


def test_an_unknown_http_method_does_not_become_a_name(kept: Kept) -> None:
    with telemetry.HttpServerSpan("BREW"):
        pass
    assert kept.one().name == "_OTHER"


def test_one_trace_leads_from_the_change_over_the_bus_to_the_mail(kept: Kept) -> None:
    with telemetry.RpcServerSpan(METHOD) as call:
        change = call.traceparent
    with telemetry.publish_span("contact.events", "contact.created", change, "0192") as sent:
        carried = sent.traceparent
    with (
        telemetry.ProcessSpan("insight.events.v1", "kith.contact.v1.contact.created", carried, "0192", attempt=2),
        telemetry.client_span("SMTP send"),
    ):
        pass
    _, published, mail, handled = kept.all()
    assert len({span.trace_id for span in kept.all()}) == 1
    assert handled.parent_span_id == published.span_id
    assert mail.parent_span_id == handled.span_id
    assert handled.name == "process insight.events.v1"
    assert values(handled)["messaging.message.id"] == "0192"
    assert values(handled)["kith.attempt"] == 2
    assert values(published)["messaging.operation.type"] == "send"


def values(span: WireSpan) -> dict[str, object]:
    """The span's attributes as plain values."""
    return {pair.key: getattr(pair.value, str(pair.value.WhichOneof("value"))) for pair in span.attributes}
