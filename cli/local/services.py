"""Kith's own processes: six services of two processes each, and the gateway."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from cli.local.failure import StartFailed, last_lines
from cli.local.keeper import ROOT, dies_with_its_keeper
from cli.local.leftovers import MARK
from cli.local.ports import HOST, Ports
from cli.local.unit import Step, Unit
from services.chassis.settings import SERVICES

MIGRATE_TIMEOUT_SECONDS = 120.0


def grpc_addresses(ports: Ports) -> dict[str, str]:
    """Service → host:port of its api."""
    return {service: f"{HOST}:{ports.take(f'{service}-api')}" for service in SERVICES}


def migrations(home: Path, settings: Mapping[str, str]) -> tuple[Step, ...]:
    """One step per service that brings its database up to date."""
    return tuple(
        Step(
            name=f"{service}-migrate",
            run=_migration(service, home, settings),
            after=("mongodb",),
        )
        for service in SERVICES
    )


def units(gateway: str, grpc: Mapping[str, str], ports: Ports, settings: Mapping[str, str]) -> tuple[Unit, ...]:
    """The apis, the workers and the gateway, in the order in which they are worth starting."""
    apis = tuple(_api(service, grpc[service], settings) for service in SERVICES)
    workers = tuple(_worker(service, f"{HOST}:{ports.take(f'{service}-worker')}", settings) for service in SERVICES)
    return (*apis, *workers, _gateway(gateway, settings))


def run_once(name: str, arguments: tuple[str, ...], home: Path, settings: Mapping[str, str]) -> str:
    """Runs `python -m …` to its end, its errors in `home/log/<name>.log`; returns what it printed.

    Raises:
        StartFailed: it failed, or took longer than `MIGRATE_TIMEOUT_SECONDS`.
    """
    log = home / "log" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    fix = f"Mend what they name and start again; the whole log is {log}."
    try:
        with log.open("ab") as errors:
            done = subprocess.run(
                [*dies_with_its_keeper(), sys.executable, "-m", *arguments],
                env={**os.environ, **settings, MARK: str(home)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                timeout=MIGRATE_TIMEOUT_SECONDS,
                cwd=ROOT,
                start_new_session=True,
                check=False,
            )
    except subprocess.TimeoutExpired:
        raise StartFailed(
            f"{name} took longer than {MIGRATE_TIMEOUT_SECONDS:.0f} s:\n{last_lines(log)}",
            fix,
        ) from None
    if done.returncode:
        with log.open("ab") as errors:
            errors.write(done.stdout)
        raise StartFailed(
            f"{name} failed (exit code {done.returncode}). Its last lines:\n{last_lines(log)}",
            fix,
        )
    return done.stdout.decode()


def _migration(service: str, home: Path, settings: Mapping[str, str]) -> Callable[[], None]:
    def migrate() -> None:
        run_once(f"{service}-migrate", (f"services.{service}", "migrate"), home, settings)

    return migrate


def _api(service: str, address: str, settings: Mapping[str, str]) -> Unit:
    return Unit(
        name=f"{service}-api",
        command=(sys.executable, "-m", f"services.{service}", "api"),
        address=f"grpc://{address}",
        environment={**settings, "KITH_LISTEN": address},
        # The others are ready when they know identity's keys: waiting for those, they would hold its turn to start.
        after=(f"{service}-migrate", "identity-api" if service != "identity" else "signing-keys"),
    )


def _worker(service: str, address: str, settings: Mapping[str, str]) -> Unit:
    return Unit(
        name=f"{service}-worker",
        command=(sys.executable, "-m", f"services.{service}", "worker"),
        address=f"http://{address}/readyz",
        environment={**settings, "KITH_LISTEN": address},
        after=(
            f"{service}-migrate",
            "rabbitmq",
            *(("mailbox",) if service == "notification" else ()),
        ),
    )


def _gateway(url: str, settings: Mapping[str, str]) -> Unit:
    return Unit(
        name="gateway",
        command=(sys.executable, "-m", "gateway"),
        address=f"{url}/readyz",
        environment={**settings, "KITH_LISTEN": urlsplit(url).netloc},
        after=(*(f"{service}-api" for service in SERVICES), "rabbitmq"),
    )
