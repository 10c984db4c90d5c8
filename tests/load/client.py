"""A lean HTTP/1.1 load generator: so many connections, each sending its next request when it has the answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

Request = Callable[[int], bytes]
"""Makes the bytes of the n-th request."""


@dataclass(frozen=True)
class Load:
    """What came of it: latencies in seconds, in no order, and how long the whole took."""

    latencies: Sequence[float]
    seconds: float
    failed: int

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """The latency that so many percent of the requests did not exceed, in milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def request(method: str, path: str, api_key: str, body: bytes = b"") -> bytes:
    """The bytes of one HTTP request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: kith\r\nAuthorization: Bearer {api_key}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def run(gateway: str, make: Request, *, requests: int, connections: int) -> Load:
    """Sends the requests over so many connections, as fast as they are answered."""
    return asyncio.run(_run(gateway, make, requests, connections))


def run_at_rate(gateway: str, make: Request, *, requests: int, per_second: float) -> Load:
    """Sends the requests at a fixed rate, whatever the answers take."""
    return asyncio.run(_run_at_rate(gateway, make, requests, per_second))


async def _run(gateway: str, make: Request, requests: int, connections: int) -> Load:
    numbers = iter(range(requests))
    latencies: list[float] = []
    failed = 0

    async def worker() -> None:
        nonlocal failed
        reader, writer = await _open(gateway)
        for number in numbers:
            begun = time.perf_counter()
            ok = await _exchange(reader, writer, make(number))
            latencies.append(time.perf_counter() - begun)
            failed += not ok
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(connections)))
    return Load(latencies, time.perf_counter() - begun, failed)


async def _run_at_rate(gateway: str, make: Request, requests: int, per_second: float) -> Load:
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(16):
        idle.put_nowait(await _open(gateway))
    latencies: list[float] = []
    failed = 0

    async def send(number: int) -> None:
        nonlocal failed
        begun = time.perf_counter()
        connection = await idle.get()
        failed += not await _exchange(*connection, make(number))
        idle.put_nowait(connection)
        latencies.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    tasks = []
    for number in range(requests):
        await asyncio.sleep(max(0.0, begun + number / per_second - time.perf_counter()))
        tasks.append(asyncio.create_task(send(number)))
    await asyncio.gather(*tasks)
    return Load(latencies, time.perf_counter() - begun, failed)


async def _open(gateway: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urlsplit(gateway)
    return await asyncio.open_connection(address.hostname, address.port)


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: bytes) -> bool:
    writer.write(message)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return head.startswith(b"HTTP/1.1 2")
