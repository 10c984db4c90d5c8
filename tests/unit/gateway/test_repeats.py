"""A request whose server goes away is sent to another one, if it is safe to carry it out twice."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from kith.identity.v1 import api_key_service_pb2, session_service_pb2

from gateway import repeats
from services.chassis import errors, protos
from tests.unit.gateway.standin import StandIn


@pytest.fixture
def failing_once(standin: StandIn) -> Iterator[StandIn]:
    """A service whose first answer gets lost."""
    calls = iter([True])

    def failure() -> Exception | None:
        return errors.Unavailable("gone") if next(calls, False) else None

    standin.failure = failure
    yield standin
    standin.failure = None


def test_a_write_is_repeated_under_one_request_id_when_its_answer_is_lost(
    client: httpx.Client, failing_once: StandIn
) -> None:
    answer = client.post("/v1/contacts", json={"givenName": "Ada"})
    assert answer.status_code == 201
    first, second = failing_once.requests
    assert first.request_id == second.request_id != ""


def test_an_update_is_repeated_too_since_it_has_an_id(client: httpx.Client, standin: StandIn) -> None:
    name = client.post("/v1/contacts", json={"givenName": "Ada"}).json()["name"]
    standin.requests.clear()
    client.patch(f"/v1/{name}", json={"title": "Countess"}, headers={"If-Match": '"1"'})
    client.delete(f"/v1/{name}")
    assert all(request.request_id for request in standin.requests)


def test_what_the_client_chose_stays(client: httpx.Client, standin: StandIn) -> None:
    client.post("/v1/contacts", json={"givenName": "Ada"}, headers={"Idempotency-Key": "mine"})
    assert [request.request_id for request in standin.requests] == ["mine"]


def test_each_request_gets_an_id_of_its_own(client: httpx.Client, standin: StandIn) -> None:
    for _ in range(2):
        client.post("/v1/contacts", json={"givenName": "Ada"})
    assert len({request.request_id for request in standin.requests}) == 2


def test_signing_in_is_not_repeated_since_nothing_tells_two_attempts_apart(
    client: httpx.Client, failing_once: StandIn
) -> None:
    answer = client.post("/v1/sessions:signIn", json={"tenant": "acme", "email": "a@b.c", "password": "x"})
    assert answer.status_code == 503
    assert len(failing_once.requests) == 1


def test_it_ends_after_three_attempts(client: httpx.Client, standin: StandIn) -> None:
    standin.failure = lambda: errors.Unavailable("gone")
    assert client.post("/v1/contacts", json={"givenName": "Ada"}).status_code == 503
    assert len(standin.requests) == 3


def test_keys_are_not_made_twice_since_the_second_answer_would_lack_the_secret() -> None:
    service = api_key_service_pb2.DESCRIPTOR.services_by_name["ApiKeyService"]
    assert not repeats.gets_id(service.methods_by_name["CreateApiKey"])
    assert not repeats.gets_id(service.methods_by_name["BatchCreateApiKeys"])


def test_every_other_write_can_be_repeated() -> None:
    """But those on sessions and passwords, which the engine does not remember."""
    signing_in = session_service_pb2.DESCRIPTOR.services_by_name["SessionService"].full_name
    without = {
        rpc.full_name
        for service in protos.services()
        for rpc in service.methods
        if rpc.name.startswith(("Create", "Update", "Delete", "Undelete", "BatchCreate")) and not repeats.gets_id(rpc)
    }
    assert signing_in not in without
    assert {name.split(".")[3] for name in without} <= {"ApiKeyService"}
