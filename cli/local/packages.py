"""Installs what no Python package carries: RabbitMQ, from the system's package manager."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.local import rabbitmq
from cli.local.failure import StartFailed
from cli.local.options import Options

_OR_NAME_ONE = "or name a broker that runs: AMQP_URI=amqp://user:password@host:5672/ make up"
_POLICY = Path("/usr/sbin/policy-rc.d")
_SERVICES = ("rabbitmq-server.service", "epmd.service", "epmd.socket")


def ensure_rabbitmq(options: Options) -> bool:
    """Installs RabbitMQ if this platform starts its own broker and the machine has none; True if it did.

    No system-wide broker is left running: the node that Kith starts is private and on loopback.

    Raises:
        StartFailed: there is no apt, no right to install, or apt failed.
    """
    if options.amqp_uri or rabbitmq.launcher():
        return False
    apt = shutil.which("apt-get")
    if apt is None:
        raise StartFailed(
            "RabbitMQ is needed, is not installed, and there is no apt-get here to install it with.",
            f"Install RabbitMQ 3.10 or newer (dnf install rabbitmq-server, brew install rabbitmq), {_OR_NAME_ONE}",
        )
    root = _become_root()
    with _no_service_starts(root):
        _run([*root, apt, "update", "-q"])
        _run([*root, "env", "DEBIAN_FRONTEND=noninteractive", apt, *_INSTALL, "rabbitmq-server"])
    _keep_from_booting(root)
    if rabbitmq.launcher() is None:
        raise StartFailed(
            "apt installed rabbitmq-server, but its launcher is not where it should be.",
            f"Look for {rabbitmq.LAUNCHERS[0]}.",
        )
    return True


_INSTALL = ("install", "-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120")


def _become_root() -> list[str]:
    """The command prefix that makes an installer of us."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo is None:
        raise StartFailed(
            "RabbitMQ is needed, is not installed, and only root may install it (there is no sudo here).",
            f"As root: apt-get install rabbitmq-server; {_OR_NAME_ONE}",
        )
    return [sudo]


@contextmanager
def _no_service_starts(root: list[str]) -> Iterator[None]:
    """While this holds, installing a package starts no service (Debian policy: invoke-rc.d asks policy-rc.d)."""
    if _POLICY.exists():  # somebody decides already, such as a container image: their word stands
        yield
        return
    _run([*root, "sh", "-c", f"printf '#!/bin/sh\\nexit 101\\n' > {_POLICY} && chmod 755 {_POLICY}"])
    try:
        yield
    finally:
        _run([*root, "rm", "-f", str(_POLICY)])


def _keep_from_booting(root: list[str]) -> None:
    """Neither systemd nor System V init shall start at the next boot what listens on every interface."""
    commands = (["update-rc.d", "rabbitmq-server", "disable"], ["systemctl", "disable", "--now", *_SERVICES])
    for program, *arguments in commands:
        path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
        if path:
            subprocess.run([*root, path, *arguments], capture_output=True, check=False)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        lines = "\n".join(f"    {line}" for line in done.stdout.splitlines()[-12:])
        raise StartFailed(
            f"`{' '.join(command)}` failed:\n{lines}",
            f"Mend that and start again, {_OR_NAME_ONE}",
        )
