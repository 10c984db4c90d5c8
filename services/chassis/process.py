"""`python -m services.<name> api|worker|migrate`: parse, call, report.

A worker patches the standard library for eventlet before anything else is imported, and grpc must not be imported
there at all: so everything is imported here by the command that needs it.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable, Mapping

from services.chassis.settings import SettingError, Settings, from_environment

Command = Callable[[str, Settings], None]


def main(package: str, more: Mapping[str, Command] | None = None) -> None:
    """Runs the command that the first argument names, for the service in `package` (`services.contact`).

    `more` holds commands of the service's own, or its own way to run one of these. A wrong setting ends the process
    with one clear line and status 2.
    """
    commands: dict[str, Command] = {"api": _api, "worker": _worker, "migrate": _migrate, **(more or {})}
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    if wanted not in commands:
        sys.exit(f"usage: python -m {package} {'|'.join(commands)}")
    # The first process of a container does not notice SIGTERM by itself. Apis and workers replace this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_ENDED_BY_SIGTERM))
    try:
        commands[wanted](package, from_environment(_environment(wanted)))
    except (SettingError, RuntimeError) as error:
        print(f"{package} {wanted}: {error}", file=sys.stderr)
        sys.exit(2)


def _api(package: str, settings: Settings) -> None:
    from services.chassis import api

    api.run(importlib.import_module(f"{package}.api").SERVICE, settings)


def _worker(package: str, settings: Settings) -> None:
    from services.chassis.bus import green

    green.patch()
    from services.chassis.bus import worker

    records = importlib.import_module(f"{package}.records").RECORDS
    handlers = importlib.import_module(f"{package}.worker").HANDLERS
    worker.run(package.rpartition(".")[2], records, handlers, settings)


def _migrate(package: str, settings: Settings) -> None:
    from services.chassis import migration

    records = importlib.import_module(f"{package}.records").RECORDS
    migration.run(package.rpartition(".")[2], records, settings)


def _environment(wanted: str) -> Mapping[str, str]:
    """What the process is told. Commands listen to nothing, so nobody needs to say where."""
    return os.environ if wanted in _LISTENING else {"KITH_LISTEN": "127.0.0.1:0", **os.environ}


_LISTENING = ("api", "worker")
_ENDED_BY_SIGTERM = 143
