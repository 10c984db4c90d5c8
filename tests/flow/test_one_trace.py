"""One trace from the HTTP request to the mail that was sent; and what failed is marked where it failed."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

import httpx

from cli.check.api import Api, Json
from cli.check.expectation import eventually
from cli.local.platform import Platform

HOPS = [
    ("kith-gateway", "server", "POST /v1/leads"),
    ("kith-sales-api", "server", "kith.sales.v1.LeadService/CreateLead"),
    ("kith-sales-api", "client", "insert leads"),
    ("kith-sales-worker", "producer", "publish sales.events"),
    ("kith-sales-worker", "consumer", "process sales.events.v1"),
    ("kith-notification-worker", "consumer", "process notification.events.v1"),
    ("kith-notification-worker", "client", "insert"),
    ("kith-notification-worker", "client", "send mail"),
    ("kith-insight-worker", "consumer", "process insight.events.v1"),
]


def test_one_trace_leads_from_the_request_to_the_mail(platform: Platform) -> None:
    api = Api(platform.addresses.gateway, platform.credentials.api_key)
    lead = {"familyName": f"Traced {uuid.uuid4().hex[:6]}", "email": "traced@example.com", "company": "Traces"}
    response = _post(platform, "leads", lead)
    trace_id = response.headers["trace-id"]
    created = api.get(f"{response.json()['name']}/changes")["changes"][-1]
    assert created["traceId"] == trace_id
    eventually(partial(_all_hops, platform, trace_id), seconds=40, what=f"the whole trace {trace_id}")
    spans = _spans(platform, trace_id)
    known = {span["spanId"] for span in spans}
    assert [span["name"] for span in spans if span["parentId"] not in known] == ["POST /v1/leads"], "one root"
    # A database call may fail and be repeated, when two transactions meet; nothing that was asked for may.
    assert not [span["name"] for span in spans if span["error"] and span["kind"] != "client"]


def test_a_refused_request_carries_its_trace_and_its_server_is_not_to_blame(platform: Platform) -> None:
    response = _post(platform, "leads", {"familyName": "A", "email": "nonsense"})
    assert response.status_code == 400
    assert response.json()["traceId"] == response.headers["trace-id"]
    spans = eventually(partial(_spans, platform, response.json()["traceId"]), what="the trace of a refusal")
    servers = [span for span in spans if span["kind"] == "server"]
    assert servers
    assert not any(span["error"] for span in servers)


def test_no_span_holds_personal_data_or_secrets(platform: Platform) -> None:
    secret = uuid.uuid4().hex
    response = _post(platform, "leads", {"familyName": f"N{secret}", "email": f"{secret}@example.com", "company": "x"})
    trace_id = response.headers["trace-id"]
    eventually(partial(_all_hops, platform, trace_id), seconds=40, what=f"the whole trace {trace_id}")
    text = httpx.get(f"{platform.addresses.traces}/api/traces/{trace_id}").text
    assert secret not in text
    assert platform.credentials.api_key not in text


def _post(platform: Platform, path: str, body: Json) -> httpx.Response:
    headers = {"Authorization": f"Bearer {platform.credentials.api_key}"}
    return httpx.post(f"{platform.addresses.gateway}/v1/{path}", json=body, headers=headers, timeout=20)


def _all_hops(platform: Platform, trace_id: str) -> bool:
    seen = [(span["service"], span["kind"], span["name"]) for span in _spans(platform, trace_id)]
    return all(any(_is(hop, span) for span in seen) for hop in HOPS)


def _is(hop: tuple[str, str, str], span: tuple[str, str, str]) -> bool:
    return hop[:2] == span[:2] and span[2].startswith(hop[2])


def _spans(platform: Platform, trace_id: str) -> list[dict[str, Any]]:
    response = httpx.get(f"{platform.addresses.traces}/api/traces/{trace_id}")
    spans: list[dict[str, Any]] = response.json()["rows"] if response.is_success else []
    return spans
