"""Who calls, what they may, and how often."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from gateway.errors import Problem
from gateway.limits import RateLimiter
from tests.unit.gateway.process import GatewayProcess
from tests.unit.gateway.standin import API_KEY, READER_KEY, StandIn


def test_a_call_without_a_proof_is_told_how_to_bring_one(client: httpx.Client, standin: StandIn) -> None:
    client.headers.pop("authorization")
    for headers in ({}, {"Authorization": "Basic x"}, {"Authorization": "Bearer"}, {"Authorization": "Bearer a.b.c"}):
        response = client.get("/v1/contacts", headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")
    assert not standin.requests


def test_an_access_token_works_as_a_key_does(client: httpx.Client, standin: StandIn) -> None:
    assert client.get("/v1/contacts", headers={"Authorization": f"Bearer {standin.token()}"}).status_code == 200
    stale = standin.token(seconds=-60)
    response = client.get("/v1/contacts", headers={"Authorization": f"Bearer {stale}"})
    assert (response.status_code, response.json()["reason"]) == (401, "TOKEN_EXPIRED")


def test_one_exchange_serves_all_who_come_with_a_new_key_at_once(standin: StandIn) -> None:
    standin.exchanges = 0
    with GatewayProcess(standin.address) as fresh, ThreadPoolExecutor(16) as threads:
        get = lambda _: httpx.get(f"{fresh.url}/v1/contacts", headers={"Authorization": f"Bearer {API_KEY}"})  # noqa: E731
        assert {response.status_code for response in threads.map(get, range(32))} == {200}
        exchanged = standin.exchanges
        assert exchanged == 1
        wrong = {"Authorization": "Bearer kith_wrong_1"}
        assert {httpx.get(f"{fresh.url}/v1/contacts", headers=wrong).status_code for _ in range(5)} == {401}
        assert standin.exchanges == exchanged + 1


def test_what_a_caller_may_not_is_refused_before_it_is_sent(client: httpx.Client, standin: StandIn) -> None:
    reader = {"Authorization": f"Bearer {READER_KEY}"}
    assert client.get("/v1/contacts", headers=reader).status_code == 200
    standin.requests.clear()
    response = client.post("/v1/contacts", json={}, headers=reader)
    assert response.status_code == 403
    assert response.json()["metadata"] == {"permission": "contacts.create"}
    assert not standin.requests


def test_signing_in_needs_no_token(client: httpx.Client) -> None:
    client.headers.pop("authorization")
    response = client.post("/v1/sessions:signIn", json={"tenant": "acme", "email": "a@b.c", "password": "x"})
    assert response.status_code == 200
    assert response.json()["accessToken"]


def test_a_session_cookie_works_for_pages_of_the_same_origin_only(client: httpx.Client, standin: StandIn) -> None:
    client.headers.pop("authorization")
    cookie = {"Cookie": f"a=b; kith_session={standin.token()}"}
    assert client.get("/v1/contacts", headers=cookie).status_code == 200
    ours = {**cookie, "Sec-Fetch-Site": "same-origin"}
    assert client.post("/v1/contacts", json={}, headers=ours).status_code == 201
    forged = {**cookie, "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.com"}
    assert client.post("/v1/contacts", json={}, headers=forged).status_code == 403
    assert client.post("/v1/contacts", json={}, headers=cookie).status_code == 403


def test_a_caller_over_the_limit_waits_while_others_go_on(standin: StandIn) -> None:
    with GatewayProcess(standin.address, KITH_RATE_LIMIT="1", KITH_RATE_BURST="3") as strict:
        first = {"Authorization": f"Bearer {API_KEY}"}
        answers = [httpx.get(f"{strict.url}/v1/contacts", headers=first) for _ in range(5)]
        assert [answer.status_code for answer in answers[:3]] == [200, 200, 200]
        assert [answer.headers["ratelimit-remaining"] for answer in answers[:3]] == ["2", "1", "0"]
        assert answers[4].status_code == 429
        assert int(answers[4].headers["retry-after"]) >= 1
        other = {"Authorization": f"Bearer {standin.token(tenant='other')}"}
        assert httpx.get(f"{strict.url}/v1/contacts", headers=other).status_code == 200
        time.sleep(1.1)
        assert httpx.get(f"{strict.url}/v1/contacts", headers=first).status_code == 200


def test_a_bucket_fills_again_with_time() -> None:
    now = [0.0]
    limiter = RateLimiter(10, 2, clock=lambda: now[0])
    limiter.take("a")
    limiter.take("a")
    with pytest.raises(Problem):
        limiter.take("a")
    limiter.take("b")
    now[0] = 0.11
    limiter.take("a")


def test_the_limiter_forgets_the_longest_unseen_callers() -> None:
    limiter = RateLimiter(1, 1, clock=lambda: 0.0)
    limiter.take("first")
    for number in range(50_000):
        limiter.take(str(number))
    limiter.take("first")
