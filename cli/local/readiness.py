"""Asks a process whether it is ready, in the language it speaks."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 2.0


def answers(address: str) -> bool:
    """Whether the process at `address` is ready; never raises, takes at most about `TIMEOUT_SECONDS`.

    address: `grpc://host:port` (standard health service), `http(s)://…` (a 2xx answer), `mongodb://…` (a primary),
        `amqp(s)://…` (a login), anything else with host and port: a TCP connection.
    """
    ask = _QUESTIONS.get(urlsplit(address).scheme, _tcp)
    try:
        return ask(address)
    except Exception:  # noqa: BLE001 - every failure of a probe, of whatever library, means: not ready
        return False


def _grpc(address: str) -> bool:
    import grpc

    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(urlsplit(address).netloc, options=options) as channel:
        # An empty HealthCheckRequest asks for the whole server; the reply's first field says SERVING (1).
        check: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/grpc.health.v1.Health/Check")
        return check(b"", timeout=TIMEOUT_SECONDS) == b"\x08\x01"


def _http(address: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(address, timeout=TIMEOUT_SECONDS) as reply:
        return bool(200 <= reply.status < 300)


def _mongodb(address: str) -> bool:
    from pymongo import MongoClient

    milliseconds = int(TIMEOUT_SECONDS * 1000)
    with MongoClient[dict[str, object]](
        address, serverSelectionTimeoutMS=milliseconds, connectTimeoutMS=milliseconds
    ) as client:
        return bool(client.admin.command("hello").get("isWritablePrimary"))


def _amqp(address: str) -> bool:
    from kombu.connection import Connection

    with Connection(address, connect_timeout=TIMEOUT_SECONDS) as connection:  # type: ignore[no-untyped-call]  # kombu has no types
        connection.connect()
        return bool(connection.connected)


def _tcp(address: str) -> bool:
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 0), timeout=TIMEOUT_SECONDS):
        return True


_QUESTIONS: dict[str, Callable[[str], bool]] = {
    "grpc": _grpc,
    "http": _http,
    "https": _http,
    "mongodb": _mongodb,
    "mongodb+srv": _mongodb,
    "amqp": _amqp,
    "amqps": _amqp,
}
