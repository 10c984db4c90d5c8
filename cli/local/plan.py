"""What a platform consists of, where it listens, and what its processes are told."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from cli.local import demo_tenant, mailbox, mongodb, rabbitmq, readiness, services
from cli.local.failure import StartFailed
from cli.local.options import Options
from cli.local.ports import HOST, Ports, is_free
from cli.local.unit import Step, Unit


@dataclass(frozen=True, slots=True)
class Addresses:
    """gateway, traces: URLs; grpc: service → host:port; mailbox: folder of *.eml, "" with your own SMTP server."""

    gateway: str
    grpc: Mapping[str, str]
    traces: str
    mailbox: str
    mongodb: str
    amqp: str
    smtp: str
    otlp: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Units and steps name what they need in `after`; nothing else orders their start."""

    units: tuple[Unit, ...]
    steps: tuple[Step, ...]
    addresses: Addresses

    def names(self) -> set[str]:
        return {unit.name for unit in self.units} | {step.name for step in self.steps}


def plan(home: Path, options: Options, with_services: bool) -> Plan:
    """Chooses ports and checks what the options name.

    Raises:
        StartFailed: a port is taken, a named server does not answer, or a program is missing.
    """
    ports = Ports(home / "ports.json")
    _check_named_servers(options)
    traces = (
        options.otlp_endpoint or f"http://{HOST}:{_fixed(ports, 'viewer', options.traces_port, 'KITH_TRACES_PORT')}"
    )
    addresses = Addresses(
        gateway=f"http://{HOST}:{_fixed(ports, 'gateway', options.gateway_port, 'KITH_PORT')}" if with_services else "",
        grpc=services.grpc_addresses(ports) if with_services else {},
        traces=traces,
        mailbox="" if options.smtp_uri else str(mailbox.folder(home)),
        mongodb=options.mongodb_uri or mongodb.uri(ports.take("mongodb")),
        amqp=options.amqp_uri or rabbitmq.uri(ports.take("rabbitmq")),
        smtp=options.smtp_uri or f"smtp://{HOST}:{ports.take('mailbox')}",
        otlp=traces,
    )
    settings = _settings(home, addresses)
    units = _servers(home, options, addresses, ports)
    steps: tuple[Step, ...] = ()
    if with_services:
        units += services.units(addresses.gateway, addresses.grpc, ports, settings)
        steps = (*services.migrations(home, settings), *demo_tenant.steps(home, settings))
    return _without_absent(Plan(units, steps, addresses))


def _servers(home: Path, options: Options, addresses: Addresses, ports: Ports) -> tuple[Unit, ...]:
    units: list[Unit] = []
    if not options.mongodb_uri:
        units.append(mongodb.unit(home, ports.take("mongodb")))
    if not options.amqp_uri:
        units.extend(rabbitmq.units(home, ports))
    if not options.smtp_uri:
        units.append(mailbox.unit(home, ports.take("mailbox")))
    if not options.otlp_endpoint:
        units.append(_viewer(addresses.traces))
    return tuple(units)


def _viewer(url: str) -> Unit:
    return Unit(
        name="viewer",
        command=(sys.executable, "-m", "cli.viewer"),
        address=f"{url}/healthz",
        environment={"KITH_LISTEN": urlsplit(url).netloc},
        server=True,
    )


def _settings(home: Path, addresses: Addresses) -> dict[str, str]:
    """The environment of Kith's processes; those that stay get a KITH_LISTEN of their own."""
    return {
        "KITH_LISTEN": f"{HOST}:0",
        "MONGODB_URI": addresses.mongodb,
        "AMQP_URI": addresses.amqp,
        "SMTP_URI": addresses.smtp,
        "OTEL_EXPORTER_OTLP_ENDPOINT": addresses.otlp,
        "KITH_SIGNING_KEYS": str(home / "keys"),
        "KITH_PUBLIC_URL": addresses.gateway,
        # Threads share two heaps instead of having one each: less memory, no slower.
        "MALLOC_ARENA_MAX": "2",
        "PYTHONUNBUFFERED": "1",
        **{f"KITH_{service.upper()}_ADDRESS": address for service, address in addresses.grpc.items()},
    }


def _check_named_servers(options: Options) -> None:
    for name, uri in (
        ("MONGODB_URI", options.mongodb_uri),
        ("AMQP_URI", options.amqp_uri),
        ("SMTP_URI", options.smtp_uri),
    ):
        if uri and not readiness.answers(uri):
            host = urlsplit(uri).netloc.rpartition("@")[2]  # never the password
            raise StartFailed(
                f"{name} names {host}, which is not ready to serve (for MongoDB: a replica set with a primary).",
                f"Start that server, mend {name}, or unset it to have a local one started.",
            )


def _fixed(ports: Ports, name: str, port: int, variable: str) -> int:
    """A port that users know by heart: theirs, or none at all."""
    if not port:
        return ports.take(name)
    if not is_free(port):
        raise StartFailed(
            f"Port {port} on {HOST}, where the {name} should listen, is taken{_holder(port)}.",
            f"Stop that process, or choose another port: {variable}={port + 10} make up",
        )
    return port


def _holder(port: int) -> str:
    """Who listens on `port`, in words; "" where the system does not say."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.Error, OSError):
        pass
    return ""


def _without_absent(made: Plan) -> Plan:
    """Drops from every `after` what this platform does not run itself, such as a MongoDB that was named by its URI."""
    names = made.names()
    return replace(
        made,
        units=tuple(replace(unit, after=tuple(name for name in unit.after if name in names)) for unit in made.units),
        steps=tuple(replace(step, after=tuple(name for name in step.after if name in names)) for step in made.steps),
    )
