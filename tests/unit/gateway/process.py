"""A gateway process of the tests' own, in front of a stand-in platform."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from services.chassis.settings import SERVICES

ROOT = Path(__file__).resolve().parents[3]


class GatewayProcess:
    """`python -m gateway` on a free port; use it in a `with` statement."""

    def __init__(self, services: str, before: str = "", **environment: str) -> None:
        """`services` is the address of all services; `before` is Python run in the process before the gateway starts.

        Further arguments are environment variables.
        """
        self._code = f"{before}\nfrom gateway.__main__ import main\nmain()"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        addresses = {f"KITH_{service.upper()}_ADDRESS": services for service in SERVICES}
        self._environment = {
            "PATH": os.environ["PATH"],
            "KITH_LISTEN": f"127.0.0.1:{self.port}",
            **addresses,
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.process = subprocess.Popen([sys.executable, "-c", self._code], cwd=ROOT, env=self._environment)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/readyz").status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            assert self.process.poll() is None, "the gateway ended at once"
            time.sleep(0.05)
        raise AssertionError("the gateway did not become ready")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(20)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
