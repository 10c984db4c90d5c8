"""A gateway that is told to stop serves on for a while, and says so to everybody."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.unit.gateway.process import GatewayProcess
from tests.unit.gateway.standin import API_KEY, StandIn

TOKEN = {"Authorization": f"Bearer {API_KEY}"}


@pytest.fixture
def draining(standin: StandIn) -> Iterator[GatewayProcess]:
    """A gateway with a long drain; tests tell it to stop by SIGTERM."""
    with GatewayProcess(standin.address, KITH_DRAIN_SECONDS="4") as running:
        yield running


def test_it_is_unready_at_once_and_still_alive_and_serves(draining: GatewayProcess) -> None:
    _tell_to_stop(draining)
    unready = httpx.get(f"{draining.url}/readyz")
    assert (unready.status_code, unready.json()["status"]) == (503, "draining")
    assert httpx.get(f"{draining.url}/healthz").status_code == 200
    assert httpx.get(f"{draining.url}/v1/contacts", headers=TOKEN).status_code == 200


def test_every_answer_sends_its_client_to_another_connection(draining: GatewayProcess) -> None:
    kept = http.client.HTTPConnection("127.0.0.1", draining.port)
    assert _get(kept).getheader("connection") is None
    _tell_to_stop(draining)
    for _ in range(2):
        answer = _get(kept)  # the second time on a new connection, which is accepted as before
        assert (answer.status, answer.getheader("connection")) == (200, "close")


def test_an_answer_that_was_under_way_says_it_too(draining: GatewayProcess, standin: StandIn) -> None:
    standin.delay_seconds = 1.0
    kept = http.client.HTTPConnection("127.0.0.1", draining.port)
    kept.request("GET", "/v1/contacts", headers=TOKEN)
    _until(lambda: bool(standin.requests))
    _tell_to_stop(draining)
    answer = kept.getresponse()
    assert (answer.status, answer.getheader("connection")) == (200, "close")


def test_a_request_that_is_half_sent_at_the_end_is_answered(draining: GatewayProcess, standin: StandIn) -> None:
    body = json.dumps({"givenName": "Ada"}).encode()
    head = f"POST /v1/contacts HTTP/1.1\r\nHost: kith\r\nAuthorization: {TOKEN['Authorization']}\r\n"
    slow = http.client.HTTPConnection("127.0.0.1", draining.port)
    slow.connect()
    slow.sock.sendall(head.encode())
    _tell_to_stop(draining)
    _until(lambda: _refused(draining.port))
    slow.sock.sendall(b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    assert slow.sock.recv(100).startswith(b"HTTP/1.1 201")


def test_a_connection_that_stays_idle_is_closed_after_the_drain(draining: GatewayProcess) -> None:
    idle = http.client.HTTPConnection("127.0.0.1", draining.port)
    _get(idle)
    _tell_to_stop(draining)
    idle.sock.settimeout(20)
    assert idle.sock.recv(1) == b""
    assert draining.process is not None
    assert draining.process.wait(20) == 0


def _tell_to_stop(gateway: GatewayProcess) -> None:
    assert gateway.process is not None
    gateway.process.terminate()
    _until(lambda: httpx.get(f"{gateway.url}/readyz").status_code == 503)


def _get(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    connection.request("GET", "/v1/contacts", headers=TOKEN)
    answer = connection.getresponse()
    answer.read()
    return answer


def _refused(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/healthz")
    except httpx.TransportError:
        return True
    return False


def _until(happened: object) -> None:
    assert callable(happened)
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
