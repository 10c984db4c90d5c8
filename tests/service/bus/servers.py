"""Real servers of this folder's own: MongoDB and RabbitMQ on free loopback ports."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from pymongo import MongoClient

from cli.local import mongodb, rabbitmq
from cli.local.ports import Ports
from cli.local.unit import Unit

START_SECONDS = 60.0


class Server:
    """One server process that can be killed and started again in its place."""

    def __init__(self, unit: Unit, log: Path) -> None:
        self.unit = unit
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.unit.command,
                env={**os.environ, **self.unit.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def await_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.unit.ready():
            assert self._process is not None
            assert self._process.poll() is None, f"{self.unit.name} died: {self._log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"{self.unit.name} is not ready: {self._log.read_text()[-2000:]}"
            time.sleep(0.1)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)
            self._process.wait(30)


class Servers:
    """MongoDB, RabbitMQ and Erlang's port mapper."""

    def __init__(self, home: Path) -> None:
        ports = Ports(home / "ports.json")
        self.mongodb = Server(mongodb.unit(home, ports.take("mongodb")), home / "mongodb.log")
        mapper, broker = rabbitmq.units(home, ports)
        self.mapper = Server(mapper, home / "epmd.log")
        self.rabbitmq = Server(broker, home / "rabbitmq.log")
        self.mongodb_uri = self.mongodb.unit.address
        self.amqp_uri = self.rabbitmq.unit.address

    def start(self) -> None:
        for server in (self.mongodb, self.mapper):
            server.start()
        self.mapper.await_ready()
        self.rabbitmq.start()
        self.mongodb.await_ready()
        self._shorten_transactions()
        self.rabbitmq.await_ready()

    def _shorten_transactions(self) -> None:
        """What a killed process left open holds its records for a minute by default: too long for a test."""
        with MongoClient[dict[str, object]](self.mongodb_uri) as client:
            client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=3)

    def stop(self) -> None:
        everything: Sequence[Server] = (self.rabbitmq, self.mongodb, self.mapper)
        for server in everything:
            server.kill()
