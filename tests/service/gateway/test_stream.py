"""The event stream with a real broker: live, replayed, filtered, and never with a gap."""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import secrets
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import kombu
import pytest

from cli.local.plan import Addresses
from tests.unit.gateway.process import GatewayProcess
from tests.unit.gateway.standin import API_KEY, StandIn

KOMBU: Any = kombu  # which has no types


class Listener:
    """A client of the stream, reading in a thread."""

    def __init__(self, url: str, token: str, **headers: str) -> None:
        self.events: queue.Queue[tuple[str, str, dict[str, Any]]] = queue.Queue()
        self.closed = threading.Event()
        self._client = httpx.Client(timeout=httpx.Timeout(5, read=30))
        self._context = self._client.stream(
            "GET",
            url,
            headers={"Authorization": f"Bearer {token}", **{k.replace("_", "-"): v for k, v in headers.items()}},
        )
        self.response = self._context.__enter__()
        threading.Thread(target=self._read, daemon=True).start()

    def ids(self, count: int) -> list[str]:
        """The ids of the next events."""
        return [self.events.get(timeout=20)[0] for _ in range(count)]

    def nothing_more(self) -> bool:
        """Whether nothing comes for a while."""
        time.sleep(0.3)
        return self.events.empty()

    def close(self) -> None:
        """Goes away."""
        self._client.close()

    def _read(self) -> None:
        event: dict[str, str] = {}
        try:
            for line in self.response.iter_lines():
                if line:
                    key, _, value = line.partition(": ")
                    event[key] = value
                elif "data" in event:
                    self.events.put((event["id"], event["event"], json.loads(event["data"])))
                    event = {}
                else:
                    event = {}
        except httpx.HTTPError:
            pass
        finally:
            self.closed.set()


class Bus:
    """Publishes events as the relays do."""

    def __init__(self, uri: str) -> None:
        self._connection = KOMBU.Connection(uri)
        self._channel = self._connection.channel()

    def publish(self, text: str) -> None:
        """Publishes one event."""
        event = json.loads(text)
        service = event["source"].rpartition("/")[2]
        exchange = KOMBU.Exchange(f"{service}.events", type="topic", durable=True)
        producer = KOMBU.Producer(self._channel, exchange=exchange, auto_declare=True)
        key = ".".join(event["type"].split(".")[-2:])
        producer.publish(text, routing_key=key, content_type="application/cloudevents+json", content_encoding="utf-8")

    def close(self) -> None:
        """Ends the connection."""
        self._connection.release()


def an_event(kind: str = "contact", tenant: str = "acme", service: str = "contact", age_seconds: int = 0) -> str:
    """A CloudEvent with a new id, `age_seconds` old."""
    milliseconds = int(time.time() * 1000) - age_seconds * 1000
    event = {
        "id": str(uuid.UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | secrets.randbits(60))),
        "specversion": "1.0",
        "source": f"/kith/{service}",
        "type": f"kith.{service}.v1.{kind}.created",
        "subject": f"{kind}s/1",
        "tenant": tenant,
        "data": {"record": {"displayName": "Ada ø"}, "changes": []},
    }
    return json.dumps(event, separators=(",", ":"))


def id_of(text: str) -> str:
    return str(json.loads(text)["id"])


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    started = StandIn()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def gateway(standin: StandIn, servers: Addresses) -> Iterator[GatewayProcess]:
    with GatewayProcess(standin.address, AMQP_URI=servers.amqp) as running:
        yield running


@pytest.fixture
def bus(servers: Addresses, standin: StandIn) -> Iterator[Bus]:
    standin.events.clear()
    opened = Bus(servers.amqp)
    yield opened
    opened.close()


@pytest.fixture
def listen(gateway: GatewayProcess) -> Iterator[Any]:
    opened: list[Listener] = []

    def start(token: str = API_KEY, query: str = "", **headers: str) -> Listener:
        opened.append(Listener(f"{gateway.url}/v1/events:stream{query}", token, **headers))
        return opened[-1]

    yield start
    for listener in opened:
        listener.close()


def test_events_come_as_they_happen(listen: Any, bus: Bus) -> None:
    listener = listen()
    assert listener.response.headers["content-type"].startswith("text/event-stream")
    assert listener.response.headers["trace-id"]
    event = an_event()
    began = time.monotonic()
    bus.publish(event)
    event_id, name, content = listener.events.get(timeout=20)
    assert time.monotonic() - began < 1
    assert (event_id, name) == (id_of(event), "contact.created")
    assert content == json.loads(event)


def test_nothing_crosses_tenants(listen: Any, bus: Bus, standin: StandIn) -> None:
    ours, theirs = listen(), listen(standin.token(tenant="other"))
    event = an_event(tenant="other")
    bus.publish(event)
    assert theirs.ids(1) == [id_of(event)]
    assert ours.nothing_more()


def test_only_what_may_be_read_and_was_asked_for_comes(listen: Any, bus: Bus, standin: StandIn) -> None:
    reader = listen(standin.token(("events.read", "contacts.read")))
    picky = listen(query="?kinds=lead,account")
    events = [an_event("contact"), an_event("lead", service="sales"), an_event("account")]
    for event in events:
        bus.publish(event)
    assert reader.ids(1) == [id_of(events[0])]
    assert set(picky.ids(2)) == {id_of(events[1]), id_of(events[2])}
    assert reader.nothing_more()
    assert picky.nothing_more()


def test_who_may_not_is_refused(gateway: GatewayProcess, standin: StandIn) -> None:
    def get(token: str, query: str = "", **headers: str) -> httpx.Response:
        url = f"{gateway.url}/v1/events:stream{query}"
        return httpx.get(url, headers={"Authorization": f"Bearer {token}", **headers})

    assert get(standin.token(("contacts.read",))).status_code == 403
    assert get(standin.token(("events.read", "contacts.read")), "?kinds=lead").status_code == 403
    assert get(API_KEY, "?kinds=leed").json()["errors"][0]["field"] == "kinds"
    assert get(API_KEY, "?kind=lead").status_code == 400
    assert get(API_KEY, **{"Last-Event-ID": "yesterday"}).status_code == 400


def test_who_comes_back_gets_what_it_missed_each_once_and_in_order(listen: Any, bus: Bus, standin: StandIn) -> None:
    last = an_event(age_seconds=60)
    missed = sorted((an_event(age_seconds=age) for age in range(50, 20, -1)), key=id_of)
    standin.events[:] = [last, *missed]
    listener = listen(Last_Event_ID=id_of(last))
    bus.publish(missed[-1])  # the relay is late: the log had it already
    live = an_event()
    bus.publish(live)
    assert listener.ids(31) == [*map(id_of, missed), id_of(live)]
    assert listener.nothing_more()


def test_the_replay_begins_a_little_before_the_last_event(listen: Any, standin: StandIn, bus: Bus) -> None:
    last = an_event(age_seconds=60)
    late = an_event(age_seconds=62)
    old = an_event(age_seconds=70)
    standin.events[:] = sorted((last, late, old), key=id_of)
    listener = listen(Last_Event_ID=id_of(last))
    assert listener.ids(1) == [id_of(late)]
    assert listener.nothing_more()


def test_a_long_replay_comes_page_by_page(listen: Any, standin: StandIn, bus: Bus) -> None:
    standin.events[:] = sorted((an_event(age_seconds=100) for _ in range(1_234)), key=id_of)
    listener = listen(Last_Event_ID=id_of(an_event(age_seconds=200)))
    assert listener.ids(1_234) == [id_of(event) for event in standin.events]


def test_a_replay_that_cannot_be_complete_is_refused(
    gateway: GatewayProcess, servers: Addresses, standin: StandIn
) -> None:
    away = {"KITH_SALES_ADDRESS": "127.0.0.1:1", "AMQP_URI": servers.amqp}
    with GatewayProcess(standin.address, **away) as partial:
        headers = {"Authorization": f"Bearer {API_KEY}", "Last-Event-ID": id_of(an_event())}
        response = httpx.get(f"{partial.url}/v1/events:stream", headers=headers)
        assert response.status_code == 503


def test_without_a_broker_the_api_still_works(standin: StandIn) -> None:
    with GatewayProcess(standin.address, AMQP_URI="amqp://guest:hunter2@127.0.0.1:1/") as alone:
        headers = {"Authorization": f"Bearer {API_KEY}"}
        response = httpx.get(f"{alone.url}/v1/events:stream", headers=headers, timeout=10)
        assert (response.status_code, response.json()["reason"]) == (503, "EVENTS_UNAVAILABLE")
        assert response.headers["retry-after"]
        assert httpx.get(f"{alone.url}/v1/contacts", headers=headers).status_code == 200


def test_a_lost_broker_ends_the_stream_so_that_clients_come_back(servers: Addresses, standin: StandIn) -> None:
    with Cuttable(servers.amqp) as line, GatewayProcess(standin.address, AMQP_URI=line.uri) as running:
        listener = Listener(f"{running.url}/v1/events:stream", API_KEY)
        line.cut()
        assert listener.closed.wait(5)
        listener.close()
        again = Listener(f"{running.url}/v1/events:stream", API_KEY)
        bus = Bus(servers.amqp)
        event = an_event()
        bus.publish(event)
        assert again.ids(1) == [id_of(event)]
        again.close()
        bus.close()


def test_a_client_that_takes_nothing_is_dropped(servers: Addresses, standin: StandIn) -> None:
    impatient = "import gateway.stream\ngateway.stream.SEND_SECONDS = 0.5"
    padding = "x" * 60_000
    events = (an_event(age_seconds=10)[:-1] + f',"padding":"{padding}"}}' for _ in range(300))
    standin.events[:] = sorted(events, key=id_of)
    with GatewayProcess(standin.address, before=impatient, AMQP_URI=servers.amqp) as running:
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
            head = f"GET /v1/events:stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {API_KEY}\r\n"
            connection.sendall(f"{head}Last-Event-ID: {id_of(an_event(age_seconds=60))}\r\n\r\n".encode())
            time.sleep(3)
            assert _left(connection) < 300 * len(padding)
        assert httpx.get(f"{running.url}/healthz").status_code == 200


def test_streams_do_not_hold_up_the_end_of_the_gateway(servers: Addresses, standin: StandIn) -> None:
    with GatewayProcess(standin.address, AMQP_URI=servers.amqp) as running:
        listener = Listener(f"{running.url}/v1/events:stream", API_KEY)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert listener.closed.wait(2)
    listener.close()


def _left(connection: socket.socket) -> int:
    """How many bytes come until the other side ends the connection."""
    total = 0
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(1_000_000):
            total += len(data)
    return total


class Cuttable:
    """A TCP proxy before the broker whose connections a test can cut."""

    def __init__(self, uri: str) -> None:
        self._target = urlsplit(uri)
        self._server: Any = None
        self._loop: Any = None
        self._writers: set[Any] = set()
        self.uri = ""

    def __enter__(self) -> Cuttable:
        started = threading.Event()

        async def run() -> None:
            self._loop = asyncio.get_running_loop()
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
            port = self._server.sockets[0].getsockname()[1]
            user = f"{self._target.username}:{self._target.password}@" if self._target.username else ""
            self.uri = f"amqp://{user}127.0.0.1:{port}{self._target.path or '/'}"
            started.set()
            with contextlib.suppress(asyncio.CancelledError):
                await self._server.serve_forever()

        threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
        assert started.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._server.close)

    def cut(self) -> None:
        """Drops all connections."""
        for writer in list(self._writers):
            self._loop.call_soon_threadsafe(writer.transport.abort)

    async def _connected(self, reader: Any, writer: Any) -> None:
        there = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._writers |= {writer, there[1]}
        await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))
        self._writers -= {writer, there[1]}


async def _copy(reader: Any, writer: Any) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
