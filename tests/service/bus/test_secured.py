"""RabbitMQ behind TLS, with a certificate of an authority of one's own."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.hub import EventHub
from services.chassis.bus.connection import BusError, connect
from tests.authority import Authority
from tests.service.bus.servers import Servers
from tests.unit.gateway.process import ROOT, free_port


class Terminator:
    """Ends TLS in front of a broker."""

    def __init__(self, broker: tuple[str, int], certificate: str, key: str) -> None:
        self._broker = broker
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stops listening."""
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                accepted, _ = self._socket.accept()
                secured = self._context.wrap_socket(accepted, server_side=True)
            except ssl.SSLError:
                continue  # the client did not like what it saw
            except OSError:
                return
            plain = socket.create_connection(self._broker)
            for source, target in ((secured, plain), (plain, secured)):
                threading.Thread(target=_pump, args=(source, target), daemon=True).start()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def uri(servers: Servers, authority: Authority) -> Iterator[str]:
    """The broker's address by TLS, without an authority."""
    broker = urlsplit(servers.amqp_uri)
    tls = authority.issue("rabbitmq", "localhost")
    terminator = Terminator((broker.hostname or "", broker.port or 5672), tls.certificate_file, tls.key_file)
    yield f"amqps://{broker.username}:{broker.password}@localhost:{terminator.port}{broker.path}"
    terminator.close()


def test_a_broker_is_known_by_the_authority_that_the_address_names(uri: str, authority: Authority) -> None:
    connection = connect(f"{uri}?cafile={authority.file}", "test")
    assert connection.connected
    connection.close()


def test_a_broker_of_an_unknown_authority_is_not_talked_to(uri: str, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    for address in (uri, f"{uri}?cafile={stranger.file}"):
        with pytest.raises(BusError, match="SSLCertVerificationError"):
            connect(address, "test")


def test_an_authority_that_is_not_there_is_named(uri: str) -> None:
    with pytest.raises(BusError, match=r"AMQP_URI names the file /nowhere\.pem, which is not there"):
        connect(f"{uri}?cafile=/nowhere.pem", "test")


def test_a_worker_talks_to_it_under_eventlet(uri: str, authority: Authority) -> None:
    code = """
import sys
from services.chassis.bus import green
green.patch()
from services.chassis.bus.connection import connect
assert connect(sys.argv[1], "test").connected
"""
    command = [sys.executable, "-c", code, f"{uri}?cafile={authority.file}"]
    assert subprocess.run(command, cwd=ROOT, timeout=60, check=False).returncode == 0


def test_a_gateway_talks_to_the_one_of_several_that_answers(uri: str, authority: Authority) -> None:
    async def subscribe() -> None:
        hub = EventHub(f"amqp://localhost:{free_port()};{uri}?cafile={authority.file}", ["contact.events"])
        await hub.subscribe("acme", lambda kind: True)
        await hub.close()

    asyncio.run(subscribe())


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        target.close()
