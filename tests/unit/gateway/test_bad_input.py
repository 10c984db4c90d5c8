"""Bad input of every kind: a 4xx that names the place, quickly, and nothing reaches a service."""

from __future__ import annotations

import socket
import time
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.gateway.process import GatewayProcess
from tests.unit.gateway.standin import API_KEY, StandIn

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"givenName": 7}, "givenName"),
        ({"givenName": ["Ada"]}, "givenName"),
        ({"givenname": "Ada"}, "givenname"),
        ({"emailOptOut": "true"}, "emailOptOut"),
        ({"tags": "one"}, "tags"),
        ({"tags": ["a", None]}, "tags[1]"),
        ({"emailAddresses": [{"value": "a@b.c"}, {"value": {}}]}, "emailAddresses[1].value"),
        ({"mailingAddress": []}, "mailingAddress"),
        ({"mailingAddress": {"city": 1}}, "mailingAddress.city"),
        ({"givenName": "A\0da"}, "givenName"),
        ({"givenName": "a", "given_name": "b"}, "given_name"),
        ({"tags": ["x"] * 10_001}, "tags"),
        ({"givenName": "x" * 201}, "givenName"),
        ({"tags": [str(n) for n in range(51)]}, "tags"),
        ({"nested": {"a": {"b": [1]}}}, "nested"),
    ],
)
def test_a_wrong_field_is_named(client: httpx.Client, standin: StandIn, body: Any, field: str) -> None:
    response = client.post("/v1/contacts", json=body)
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not standin.requests


@pytest.mark.parametrize("value", ["soon", "2026-13-01T00:00:00Z", "2026-01-01", 1, "0000-01-01T00:00:00Z"])
def test_a_wrong_time_is_shown_a_right_one(client: httpx.Client, value: Any) -> None:
    response = client.post("/v1/apiKeys", json={"displayName": "x", "expireTime": value})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "expireTime"
    assert "2026-01-31T12:00:00Z" in response.json()["detail"]


def test_a_wrong_enum_name_is_shown_the_right_ones(client: httpx.Client) -> None:
    response = client.post("/v1/leads", json={"status": "LEAD_STATUS_NEWW"})
    assert response.json()["errors"][0]["field"] == "status"
    assert "did you mean LEAD_STATUS_NEW?" in response.json()["detail"]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "body"),
        (b"{", "JSON"),
        (b"[]", "object"),
        (b"null", "body"),
        (b'"text"', "object"),
        (b'{"givenName":"\xff\xfe"}', "givenName"),
        (b'{"givenName":"\\ud800"}', "givenName"),
        (b'{"givenName":"a","givenName":"b"}', "givenName"),
        (b'{"emailAddresses":[{"value":"a@b.c","value":"c@d.e"}]}', "value"),
        (b'{"givenName":"a"} x', "JSON"),
        (b'\xef\xbb\xbf{"givenName":"a"}', "JSON"),
        (b'{"givenName":NaN}', "givenName"),
        (b"[" * 100_000, "deep"),
        (b'{"givenName":' * 2_000 + b"1" + b"}" * 2_000, "deep"),
        (b'{"mailingAddress":' + b'{"street":' * 40 + b"1" + b"}" * 41, "deep"),
    ],
)
def test_what_is_not_json_is_refused_with_the_place(
    client: httpx.Client, standin: StandIn, data: bytes, word: str
) -> None:
    response = client.post("/v1/contacts", content=data, headers=JSON)
    assert response.status_code == 400
    assert word in response.json()["detail"]
    assert not standin.requests


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("pagesize=1", "pagesize"),
        ("page_size=many", "page_size"),
        ("page_size=99999999999", "page_size"),
        ("pageSize=1&page_size=2", "page_size"),
        ("showDeleted=maybe", "showDeleted"),
        ("q=%00", "q"),
        ("q=%ff", "q"),
        ("page_size=-1", "pageSize"),
        ("page_size=1001", "pageSize"),
        ("filter=" + "x" * 4001, "filter"),
    ],
)
def test_a_wrong_parameter_is_named(client: httpx.Client, standin: StandIn, query: str, field: str) -> None:
    response = client.get(f"/v1/contacts?{query}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == field
    assert not standin.requests


def test_an_unknown_parameter_suggests_the_known_one(client: httpx.Client) -> None:
    assert "did you mean pageSize?" in client.get("/v1/contacts?pagesise=1").json()["detail"]


@pytest.mark.parametrize("path", ["/v1/contacts/%00", "/v1/contacts/%ff", f"/v1/contacts/{'x' * 300}", "/v1/contacts/"])
def test_a_wrong_name_never_reaches_the_store(client: httpx.Client, standin: StandIn, path: str) -> None:
    assert client.get(path).status_code in (400, 404)
    assert not standin.requests


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/jsonx", ""])
def test_another_content_type_is_refused(client: httpx.Client, kind: str) -> None:
    response = client.post("/v1/contacts", content=b"{}", headers={"Content-Type": kind})
    assert response.status_code == 415


def test_a_compressed_body_is_refused(client: httpx.Client) -> None:
    response = client.post("/v1/contacts", content=b"{}", headers={**JSON, "Content-Encoding": "gzip"})
    assert response.status_code == 415


def test_a_body_beyond_eight_megabytes_is_refused(client: httpx.Client) -> None:
    data = b'{"description":"' + b"x" * (8 * 1024 * 1024) + b'"}'
    assert client.post("/v1/contacts", content=data, headers=JSON).status_code == 413


def test_a_body_without_end_is_cut(gateway: GatewayProcess) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        head = f"POST /v1/contacts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {API_KEY}\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        for _ in range(10):
            try:
                connection.sendall(chunk)
            except OSError:
                break
        assert connection.recv(20).startswith(b"HTTP/1.1 413")


def test_a_url_and_a_head_have_limits(client: httpx.Client, gateway: GatewayProcess) -> None:
    assert client.get(f"/v1/contacts?q={'x' * 20_000}").status_code == 414
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Long: " + b"x" * 70_000)
        assert connection.recv(30).startswith(b"HTTP/1.1 431")


@given(data=st.binary(max_size=200))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_whatsoever_are_an_error_of_ours(client: httpx.Client, data: bytes) -> None:
    assert 400 <= client.post("/v1/contacts", content=data, headers=JSON).status_code < 500 or data.strip() == b"{}"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
FIELDS = ("givenName", "emailAddresses", "mailingAddress", "tags", "emailOptOut", "account", "etag", "name", "zzz")


@given(body=st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_is_taken_or_refused_within_a_second(client: httpx.Client, body: Any) -> None:
    began = time.monotonic()
    response = client.post("/v1/contacts", json=body)
    assert response.status_code in (201, 400)
    assert time.monotonic() - began < 1
