"""`make bench`: what a request costs, as the table of docs/performance.md, measured on a platform of its own.

CPU time is summed over all Kith processes and mongod, so it does not depend on how fast the machine's other users let
it run. RabbitMQ, the trace viewer and this load generator are told apart.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from kith.contact.v1.contact_service_pb2 import GetContactRequest
from pymongo import MongoClient

from cli.check.api import Api
from cli.check.expectation import eventually
from cli.local.options import Options
from cli.local.platform import Platform
from tests.load import client, floor, processes
from tests.load.client import Load

CONTACTS = 10_000
NOT_KITH = frozenset({"rabbitmq", "epmd", "viewer", "mailbox"})
HEARD = ("contact", "sales", "cases", "notification", "identity")
GOALS_MS = {"get": 2.0, "list of 10": 3.0, "search": 3.0, "create": 6.0}
_GIVEN = ["Ada", "Grace", "Katherine", "Dorothy", "Annie", "Radia", "Frances", "Barbara", "Mary", "Hedy"]
_FAMILY = ["Lovelace", "Hopper", "Johnson", "Vaughan", "Easley", "Perlman", "Allen", "Liskov", "Jackson", "Lamarr"]


@dataclass(frozen=True)
class Row:
    """One line of the table. CPU is in milliseconds per request; `shares` says where it went."""

    name: str
    connections: int
    load: Load
    cpu_ms: float
    shares: dict[str, float]


class Bench:
    """A running platform with ten thousand contacts."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.gateway = platform.addresses.gateway
        self.api_key = platform.credentials.api_key
        self.api = Api(self.gateway, self.api_key, retry_seconds=30)
        self._numbers = itertools.count()
        self.names = [contact["name"] for contact in self._fill()]
        self.settle()

    def requests(self) -> dict[str, Callable[[int], bytes]]:
        """The kinds of request, each as a function of its number."""
        return {
            "get": lambda n: self._request("GET", f"/v1/{self.names[n * 7919 % CONTACTS]}"),
            "list of 10": lambda n: self._request("GET", "/v1/contacts?page_size=10"),
            "search": lambda n: self._request(
                "GET", f"/v1/contacts?page_size=10&q={_GIVEN[n % 10][:3].lower()}+{_FAMILY[n // 10 % 10][:4].lower()}"
            ),
            "create": lambda n: self._request("POST", "/v1/contacts", json.dumps(self._contact()).encode()),
        }

    def measure(self, name: str, make: Callable[[int], bytes], requests: int, connections: int) -> Row:
        """Sends one kind of request, and waits until everything that follows from it has been done."""
        client.run(self.gateway, make, requests=requests // 10, connections=connections)
        self.settle()
        pids = self._platform.pids()
        before = processes.cpu_seconds(pids)
        load = client.run(self.gateway, make, requests=requests, connections=connections)
        self.settle()
        after = processes.cpu_seconds(pids)
        assert not load.failed, f"{load.failed} of {requests} requests failed"
        shares = {process: 1000 * (after[process] - before[process]) / requests for process in pids}
        total = sum(cost for process, cost in shares.items() if process not in NOT_KITH)
        return Row(name, connections, load, total, shares)

    def handled_within(self, events: int, per_second: float) -> tuple[float, float]:
        """Milliseconds from a change to its handling by insight at a steady rate: p50 and p99."""
        begun = len(self._handled())
        client.run_at_rate(self.gateway, self.requests()["create"], requests=events, per_second=per_second)
        self.settle()
        delays = sorted(self._handled()[begun:])
        return delays[len(delays) // 2], delays[int(len(delays) * 0.99)]

    def settle(self) -> None:
        """Waits until insight has handled every change of every service."""
        eventually(self._is_quiet, seconds=300, what="quiet")
        time.sleep(0.5)

    def idle_megabytes(self) -> dict[str, float]:
        """Resident memory of each process."""
        return processes.rss_megabytes(self._platform.pids())

    def _fill(self) -> list[dict[str, Any]]:
        contacts = [self._contact() for _ in range(CONTACTS)]
        return self.api.batch_create("contacts", "contact", contacts, key="bench")

    def _contact(self) -> dict[str, Any]:
        n = next(self._numbers)
        given, family = _GIVEN[n % 10], f"{_FAMILY[n // 10 % 10]}{n // 100}"
        return {
            "givenName": given,
            "familyName": family,
            "emailAddresses": [{"value": f"{given}.{family}@example.com".lower(), "type": "work"}],
            "phoneNumbers": [{"value": f"+45 33 {n:06d}", "type": "work"}],
            "title": "Engineer",
            "mailingAddress": {"street": f"{n} Loop", "city": "Aarhus", "postalCode": "8000", "country": "Denmark"},
        }

    def _request(self, method: str, path: str, body: bytes = b"") -> bytes:
        return client.request(method, path, self.api_key, body)

    def _database(self, service: str) -> Any:
        connection: MongoClient[dict[str, Any]] = _mongo(self._platform.addresses.mongodb)
        return connection[f"kith_{service}"]

    def _is_quiet(self) -> bool:
        changes = sum(self._database(service)["changes"].estimated_document_count() for service in HEARD)
        return bool(changes == self._database("insight")["inbox"].estimated_document_count())

    def _handled(self) -> list[float]:
        """Milliseconds from each contact change to its handling, in the order of the changes."""
        handled = {entry["_id"]: entry["time"] for entry in self._database("insight")["inbox"].find()}
        changes = self._database("contact")["changes"].find({}, {"time": 1}, sort=[("_id", 1)])
        return [(handled[one["_id"]] - one["time"]).total_seconds() * 1000 for one in changes if one["_id"] in handled]


_clients: dict[str, MongoClient[dict[str, Any]]] = {}


def _mongo(uri: str) -> MongoClient[dict[str, Any]]:
    return _clients.setdefault(uri, MongoClient(uri))


def measure_floor(uri: str, pid: int, requests: int) -> tuple[float, float]:
    """Requests per second and CPU ms per request of a bare gRPC server with one find_one (16 callers, with mongod)."""
    _mongo(uri)["floor"]["contacts"].insert_many(
        {"_id": f"contacts/{n}", "given_name": "Ada", "family_name": f"Lovelace{n}"} for n in range(1000)
    )
    with _floor_server(uri) as (server, port):
        asyncio.run(_call_floor(port, requests // 10))
        pids = {"server": server, "mongodb": pid}
        before, begun = processes.cpu_seconds(pids), time.perf_counter()
        asyncio.run(_call_floor(port, requests))
        seconds = time.perf_counter() - begun
        after = processes.cpu_seconds(pids)
        return requests / seconds, 1000 * sum(after[name] - before[name] for name in pids) / requests


@contextmanager
def _floor_server(uri: str) -> Iterator[tuple[int, int]]:
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        process = subprocess.Popen([sys.executable, "-m", floor.__name__, uri, "floor", str(port_file)])
        try:
            eventually(port_file.exists, what="the floor's start")
            yield process.pid, int(eventually(port_file.read_text, what="the floor's port"))
        finally:
            process.kill()
            process.wait()


async def _call_floor(port: int, requests: int) -> None:
    numbers = iter(range(requests))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        get: Any = channel.unary_unary(floor.METHOD, request_serializer=GetContactRequest.SerializeToString)

        async def worker() -> None:
            for number in numbers:
                await get(GetContactRequest(name=f"contacts/{number % 1000}"))

        await asyncio.gather(*(worker() for _ in range(16)))


def main(requests: int = 3000) -> None:
    """Measures everything and prints it as Markdown."""
    with (
        tempfile.TemporaryDirectory(prefix="kith-bench-") as home,
        Platform(Path(home), Options(gateway_port=0, traces_port=0)) as platform,
    ):
        floor_rate, floor_cpu = measure_floor(platform.addresses.mongodb, platform.pid("mongodb"), requests)
        idle = processes.rss_megabytes(platform.pids())
        bench = Bench(platform)
        rows = [
            bench.measure(name, make, requests if connections > 1 else requests // 3, connections)
            for connections in (1, 16)
            for name, make in bench.requests().items()
        ]
        p50, p99 = bench.handled_within(1000, per_second=100)
        print(report(rows, floor_rate, floor_cpu, (p50, p99), idle))


def report(
    rows: list[Row], floor_rate: float, floor_cpu: float, handled: tuple[float, float], idle: dict[str, float]
) -> str:
    """The measurements as Markdown."""
    lines = [
        "| request | connections | rate /s | p50 ms | p99 ms | CPU ms | goal | × floor | where it goes (CPU ms) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        goal = f"≤ {GOALS_MS[row.name]:g}" if row.connections == 16 else ""
        spent = sorted(row.shares.items(), key=lambda share: -share[1])
        where = ", ".join(f"{process} {cost:.2f}" for process, cost in spent if cost >= 0.05)
        lines.append(
            f"| {row.name} | {row.connections} | {row.load.rate:,.0f} | {row.load.percentile_ms(50):.1f} "
            f"| {row.load.percentile_ms(99):.1f} | {row.cpu_ms:.2f} | {goal} | {row.cpu_ms / floor_cpu:.1f} | {where} |"
        )
    lines.append(f"| floor: bare gRPC, one find_one | 16 | {floor_rate:,.0f} | | | {floor_cpu:.2f} | | 1.0 | |")
    lines += ["", f"Change → handled at 100/s: p50 {handled[0]:.0f} ms, p99 {handled[1]:.0f} ms (goals: 10 and 50)."]
    lines += ["", "Idle memory (RSS, MB): " + ", ".join(f"{name} {size:.0f}" for name, size in sorted(idle.items()))]
    return "\n".join(lines)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
