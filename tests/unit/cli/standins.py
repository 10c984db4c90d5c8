"""Small real processes that stand in for Kith's own, to try the platform's machinery on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from cli.local.options import Options
from cli.local.plan import Addresses, Plan
from cli.local.ports import HOST, Ports
from cli.local.unit import Step, Unit

NOWHERE = Addresses(gateway="", grpc={}, traces="", mailbox="", mongodb="", amqp="", smtp="", otlp="")


def web(name: str, home: Path, after: tuple[str, ...] = ()) -> Unit:
    """A web server that is ready when it answers."""
    port = str(Ports(home / f"{name}-ports.json").take(name))
    command = (sys.executable, "-m", "http.server", "--bind", HOST, "--directory", str(home), port)
    return Unit(name=name, command=command, address=f"http://{HOST}:{port}/", after=after)


def script(name: str, code: str) -> Unit:
    """A Python script that never gets ready."""
    return Unit(name=name, command=(sys.executable, "-c", code), address=f"tcp://{HOST}:1")


def planned(*units: Unit, steps: tuple[Step, ...] = ()) -> Callable[[Path, Options, bool], Plan]:
    """A plan of just these."""
    return lambda home, options, services: Plan(units, steps, NOWHERE)


def alive(pid: int) -> bool:
    """Whether a process runs, zombies apart."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def eventually(happened: Callable[[], bool], timeout_seconds: float = 30.0) -> bool:
    """Whether `happened` becomes true in time."""
    end = time.monotonic() + timeout_seconds
    while time.monotonic() < end:
        if happened():
            return True
        time.sleep(0.02)
    return False
