"""Workers as processes of their own, which can be killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cli.local.ports import Ports

ROOT = Path(__file__).resolve().parents[3]


class Worker:
    """`python -m services.<service> worker`; `log` is what it says."""

    def __init__(self, service: str, home: Path, environment: Mapping[str, str]) -> None:
        self._service = service
        self._port = Ports(home / f"{service}.json").take("health")
        self._environment = {**os.environ, **environment, "KITH_LISTEN": f"127.0.0.1:{self._port}"}
        self._process: subprocess.Popen[bytes] | None = None
        self.log = home / f"{service}.log"

    def start(self) -> None:
        """Starts it."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", f"services.{self._service}", "worker"]
            self._process = subprocess.Popen(command, env=self._environment, cwd=ROOT, stdout=log, stderr=log)

    def await_ready(self) -> None:
        """Waits until it consumes."""
        eventually(self._ready, 60)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=2) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def eventually(check: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What `check` returns once that is true; fails when it never is."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        time.sleep(0.05)
    return found
