"""A private RabbitMQ node: own name, own ports, everything on loopback, everything it writes in the platform's home."""

from __future__ import annotations

import shutil
from pathlib import Path

from cli.local.failure import StartFailed
from cli.local.files import write_atomically
from cli.local.ports import HOST, Ports
from cli.local.unit import Unit

# The bare launcher; the one in /usr/sbin changes to the system's own broker user and folders.
LAUNCHERS = (
    Path("/usr/lib/rabbitmq/bin/rabbitmq-server"),
    Path("/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server"),
)

# Idle schedulers sleep at once instead of spinning: the machine's few cores are for all processes.
_VIRTUAL_MACHINE = "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none"


def launcher() -> Path | None:
    """RabbitMQ's launcher on this machine, or None where it is not installed."""
    return next((path for path in LAUNCHERS if path.exists()), None)


def units(home: Path, ports: Ports) -> tuple[Unit, Unit]:
    """Erlang's port mapper, and the broker: its process is the virtual machine itself (beam), no shell around it."""
    program = launcher()
    mapper = shutil.which("epmd")
    if program is None or mapper is None:
        raise StartFailed(
            "RabbitMQ is not installed.",
            "Install it (Debian: apt-get install rabbitmq-server), or name one that runs: AMQP_URI=amqp://user:password@host:5672/",
        )
    folder = home / "rabbitmq"
    names, node = ports.take("epmd"), ports.take("rabbitmq")
    environment = _environment(folder, names, node, ports.take("rabbitmq-distribution"))
    return (
        Unit(
            name="epmd",
            command=(mapper, "-port", str(names), "-address", HOST),
            address=f"tcp://{HOST}:{names}",
            environment=environment,
            server=True,
        ),
        Unit(
            name="rabbitmq",
            command=(str(program), "-noinput"),
            address=uri(node),
            environment=environment,
            after=("epmd",),
            grace_seconds=20,
            server=True,
        ),
    )


def uri(port: int) -> str:
    """How clients reach the node; RabbitMQ lets `guest` in from loopback only."""
    return f"amqp://guest:guest@{HOST}:{port}/"


def _environment(folder: Path, names: int, node: int, distribution: int) -> dict[str, str]:
    write_atomically(
        folder / "rabbitmq.conf",
        f"listeners.tcp.1 = {HOST}:{node}\nlog.console = true\nlog.console.level = warning\nlog.file = false\n",
    )
    write_atomically(folder / "enabled_plugins", "[].\n")
    write_atomically(folder / "rabbitmq-env.conf", "")
    return {
        "HOME": str(folder),  # Erlang keeps its cookie there
        "ERL_EPMD_ADDRESS": HOST,
        "ERL_EPMD_PORT": str(names),
        "RABBITMQ_NODENAME": "kith@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(node),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        # The launcher then becomes the virtual machine instead of waiting for it as a shell would.
        "RABBITMQ_ALLOW_INPUT": "true",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _VIRTUAL_MACHINE,
    }
