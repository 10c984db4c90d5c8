"""Kith's processes, started by these tests, and what they say of themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest as Request
from grpc_health.v1.health_pb2 import HealthCheckResponse as Response

from cli.local.ports import HOST

ROOT = Path(__file__).resolve().parents[3]
CHECK = "/grpc.health.v1.Health/Check"
SERVING, NOT_SERVING = Response.SERVING, Response.NOT_SERVING


class Process:
    """`python -m services.<service> <command> …`; what it writes is in `log`."""

    def __init__(self, service: str, arguments: tuple[str, ...], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"services.{service}", *arguments],
                env={**os.environ, **environment},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.environment = environment

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> int:
        """Its exit status."""
        return self._process.wait(60)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def lines(self) -> list[dict[str, Any]]:
        """What it logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def reasons(self) -> list[str]:
        """Why it waited, as often as it said so."""
        told = (line["message"] for line in self.lines() if line["message"].startswith("waiting: "))
        return [message.removeprefix("waiting: ") for message in told]

    def health(self, service: str, variable: str = "KITH_HEALTH_LISTEN") -> int:
        """What an api's health service says of `live` or of all; 0 when nobody answers."""
        with grpc.insecure_channel(self.environment[variable]) as channel:
            try:
                ask = channel.unary_unary(CHECK, Request.SerializeToString, Response.FromString)
                return int(ask(Request(service=service), timeout=5).status)
            except grpc.RpcError:
                return 0

    def probe(self, path: str) -> tuple[int, str]:
        """Status and body of a worker's /livez or /readyz; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{self.environment['KITH_LISTEN']}{path}", timeout=5) as reply:
                return int(reply.status), reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""


def eventually(check: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What `check` returns once that is true; fails when it never is."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, f"still not so after {seconds:.0f} s"
        time.sleep(0.05)
    return found


def address(port: int) -> str:
    return f"{HOST}:{port}"
