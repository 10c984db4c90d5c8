"""REST in, gRPC out, and back: what any client of the API relies on."""

from __future__ import annotations

import re

import httpx
import pytest

from services.chassis import errors
from tests.unit.gateway.standin import StandIn

ADA = {"givenName": "Ada", "familyName": "Lovelace", "emailAddresses": [{"value": "ada@example.com"}]}


def test_a_created_record_is_answered_with_its_place_and_its_etag(client: httpx.Client) -> None:
    response = client.post("/v1/contacts", json=ADA)
    assert response.status_code == 201
    created = response.json()
    assert response.headers["location"] == f"/v1/{created['name']}"
    assert response.headers["etag"] == '"1"'
    assert created["emailAddresses"] == [{"value": "ada@example.com"}]
    assert created["createTime"] == "2026-09-21T14:13:20.005Z"
    assert client.get(response.headers["location"]).json() == created


def test_every_answer_and_every_error_tells_its_trace(client: httpx.Client) -> None:
    for path in ("/v1/contacts", "/v1/contacts/none", "/nowhere", "/healthz"):
        response = client.get(path, headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})
        assert response.headers["trace-id"] == "ab" * 16
        if response.status_code >= 400:
            assert response.json()["traceId"] == "ab" * 16


def test_query_parameters_are_understood_in_both_spellings(client: httpx.Client, standin: StandIn) -> None:
    client.get("/v1/contacts?page_size=7&order_by=create_time%20desc&showDeleted=true&q=Jos%C3%A9+b").raise_for_status()
    request = standin.requests[-1]
    assert (request.page_size, request.order_by, request.show_deleted, request.q) == (
        7,
        "create_time desc",
        True,
        "José b",
    )
    client.get("/v1/contacts?pageSize=8").raise_for_status()
    assert standin.requests[-1].page_size == 8


def test_a_repeated_parameter_fills_a_list(client: httpx.Client, standin: StandIn) -> None:
    names = [client.post("/v1/contacts", json=ADA).json()["name"] for _ in range(2)]
    answer = client.get("/v1/contacts:batchGet", params=[("names", name) for name in names])
    assert [contact["name"] for contact in answer.json()["contacts"]] == names


def test_a_patch_without_a_mask_changes_what_its_body_mentions(client: httpx.Client, standin: StandIn) -> None:
    name = client.post("/v1/contacts", json=ADA).json()["name"]
    patch = {"title": "Countess", "familyName": None, "mailingAddress": {"city": "London"}, "etag": "1"}
    answer = client.patch(f"/v1/{name}", json=patch).raise_for_status().json()
    assert sorted(standin.requests[-1].update_mask.paths) == ["family_name", "mailing_address.city", "title"]
    assert answer["title"] == "Countess"
    assert "familyName" not in answer


def test_a_patch_with_a_mask_keeps_to_it(client: httpx.Client, standin: StandIn) -> None:
    name = client.post("/v1/contacts", json=ADA).json()["name"]
    client.patch(f"/v1/{name}?updateMask=title,mailingAddress.city", json={"title": "x"}).raise_for_status()
    assert list(standin.requests[-1].update_mask.paths) == ["title", "mailing_address.city"]


def test_what_only_the_platform_sets_is_ignored_in_input(client: httpx.Client, standin: StandIn) -> None:
    client.post("/v1/contacts", json={**ADA, "createTime": "nonsense", "creator": 7}).raise_for_status()
    assert not standin.requests[-1].contact.creator


def test_an_idempotency_key_becomes_the_request_id(client: httpx.Client, standin: StandIn) -> None:
    client.post("/v1/contacts", json=ADA, headers={"Idempotency-Key": "abc"}).raise_for_status()
    assert standin.requests[-1].request_id == "abc"


@pytest.mark.parametrize("key", ["x" * 256, "naïve", "tab\tbed"])
def test_an_idempotency_key_that_cannot_be_kept_is_refused(client: httpx.Client, key: str) -> None:
    response = client.post("/v1/contacts", json=ADA, headers={b"Idempotency-Key": key.encode("latin-1")})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "Idempotency-Key"


def test_a_refused_header_is_called_what_it_is(client: httpx.Client, standin: StandIn) -> None:
    standin.failure = lambda: errors.InvalidArgument.of("request_id", "was used before", reason="REQUEST_ID_REUSED")
    response = client.post("/v1/contacts", json=ADA, headers={"Idempotency-Key": "abc"})
    assert response.json()["errors"] == [{"field": "Idempotency-Key", "detail": "was used before"}]
    assert response.json()["detail"] == "Idempotency-Key: was used before"


def test_an_old_etag_in_if_match_is_a_failed_precondition(client: httpx.Client) -> None:
    name = client.post("/v1/contacts", json=ADA).json()["name"]
    etag = client.patch(f"/v1/{name}", json={"title": "a"}, headers={"If-Match": '"1"'}).headers["etag"]
    assert etag == '"2"'
    response = client.patch(f"/v1/{name}", json={"title": "b"}, headers={"If-Match": '"1"'})
    assert response.status_code == 412
    assert response.json()["reason"] == "ETAG_MISMATCH"
    assert response.json()["metadata"] == {"etag": "2"}


def test_the_same_etag_in_the_body_is_a_conflict(client: httpx.Client) -> None:
    name = client.post("/v1/contacts", json=ADA).json()["name"]
    assert client.patch(f"/v1/{name}", json={"title": "b", "etag": "9"}).status_code == 409


def test_an_unchanged_record_need_not_be_sent_again(client: httpx.Client) -> None:
    name = client.post("/v1/contacts", json=ADA).json()["name"]
    response = client.get(f"/v1/{name}", headers={"If-None-Match": '"1"'})
    assert (response.status_code, response.content) == (304, b"")


def test_five_hundred_records_go_in_one_call(client: httpx.Client, standin: StandIn) -> None:
    requests = [{"contact": {"givenName": f"Ada {number}"}} for number in range(500)]
    response = client.post("/v1/contacts:batchCreate", json={"requests": requests})
    assert len(response.json()["contacts"]) == 500


def test_a_service_refusal_names_the_fields_as_the_client_does(client: httpx.Client, standin: StandIn) -> None:
    response = client.post("/v1/contacts", json={**ADA, "emailAddresses": [{"value": "no address"}]})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "emailAddresses[0].value"
    assert "email_addresses" not in response.text


@pytest.mark.parametrize(
    ("failure", "status", "reason"),
    [
        (errors.NotFound("gone"), 404, "NOT_FOUND"),
        (errors.AlreadyExists("twice"), 409, "ALREADY_EXISTS"),
        (errors.FailedPrecondition("won already", reason="ALREADY_WON"), 400, "ALREADY_WON"),
        (errors.ResourceExhausted("slower"), 429, "RESOURCE_EXHAUSTED"),
        (errors.Unavailable("the store is away"), 503, "UNAVAILABLE"),
        (ZeroDivisionError("secret detail"), 500, "INTERNAL"),
    ],
)
def test_a_service_error_has_its_http_status(
    client: httpx.Client, standin: StandIn, failure: Exception, status: int, reason: str
) -> None:
    def fail() -> Exception:
        return failure

    standin.failure = fail
    response = client.get("/v1/contacts")
    assert (response.status_code, response.json()["reason"]) == (status, reason)
    assert response.headers["content-type"] == "application/problem+json"
    assert ("retry-after" in response.headers) == (status in (429, 503))
    assert "secret" not in response.text


def test_a_deadline_is_kept_and_told(client: httpx.Client, standin: StandIn) -> None:
    standin.delay_seconds = 1.0
    response = client.get("/v1/contacts", headers={"Request-Timeout": "0.1"})
    assert response.status_code == 504
    assert client.get("/v1/contacts", headers={"Request-Timeout": "soon"}).status_code == 400


def test_a_path_that_is_not_there_suggests_the_one_that_is(client: httpx.Client) -> None:
    response = client.get("/v1/contact")
    assert response.status_code == 404
    assert "/v1/contacts" in response.json()["detail"]


def test_a_wrong_method_is_told_the_right_ones(client: httpx.Client) -> None:
    response = client.put("/v1/contacts/1", json={})
    assert response.status_code == 405
    assert response.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"
    assert client.post("/docs").status_code == 405


def test_pages_of_configured_origins_may_read_answers(client: httpx.Client) -> None:
    ours = client.get("/v1/contacts", headers={"Origin": "https://crm.example.com"})
    assert ours.headers["access-control-allow-origin"] == "https://crm.example.com"
    others = client.get("/v1/contacts", headers={"Origin": "https://evil.example.com"})
    assert "access-control-allow-origin" not in others.headers
    asked = client.options(
        "/v1/contacts", headers={"Origin": "https://crm.example.com", "Access-Control-Request-Method": "POST"}
    )
    assert asked.status_code == 204
    assert "Idempotency-Key" in asked.headers["access-control-allow-headers"]


def test_health_and_pages_need_no_key(client: httpx.Client) -> None:
    client.headers.pop("authorization")
    for path in (
        "/",
        "/docs",
        "/docs/docs.css",
        "/docs/docs.js",
        "/docs/icon.svg",
        "/openapi.json",
        "/healthz",
        "/readyz",
    ):
        assert client.get(path).status_code == 200
    page = client.get("/docs")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for text in (page.text, client.get("/").text, client.get("/docs/docs.css").text, client.get("/docs/docs.js").text):
        assert not re.search(r"(?:src|href|url\()\s*=?\s*[\"']?https?://", text)
