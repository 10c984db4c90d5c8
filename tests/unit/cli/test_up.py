from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from cli.local import leftovers


def kith(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        env={**os.environ, "KITH_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_taken_gateway_port_is_named_with_its_fix_and_nothing_is_left_running(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        done = kith(tmp_path, "up", KITH_PORT=port, KITH_TRACES_PORT="0")
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1, where the gateway should listen, is taken" in done.stderr
    assert "KITH_PORT=" in done.stderr
    assert leftovers.find(tmp_path) == []
    assert not (tmp_path / "up.json").exists()


def test_a_named_server_that_is_dead_is_told_without_its_password(tmp_path: Path) -> None:
    done = kith(tmp_path, "up", "--json", AMQP_URI="amqp://kith:secret@127.0.0.1:1/", KITH_PORT="0")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["problem"].startswith("AMQP_URI names 127.0.0.1:1")
    assert "secret" not in done.stdout + done.stderr


def test_a_port_that_is_no_number_is_told(tmp_path: Path) -> None:
    done = kith(tmp_path, "up", KITH_PORT="http")
    assert done.returncode == 1
    assert "KITH_PORT=http is no port" in done.stderr


def test_without_a_platform_status_says_so_and_down_is_harmless(tmp_path: Path) -> None:
    assert kith(tmp_path, "status").returncode == 3
    assert json.loads(kith(tmp_path, "status", "--json").stdout) == {"up": False}
    assert kith(tmp_path, "down").stdout == "Kith was not up.\n"


def test_every_command_explains_itself(tmp_path: Path) -> None:
    listed = kith(tmp_path, "--help").stdout
    for command in ("up", "down", "status", "logs", "demo", "events", "lint", "test", "bench", "proto"):
        assert f"\n  {command} " in listed
    for command in ("up", "down", "status", "logs", "lint", "proto"):
        assert kith(tmp_path, command, "--help").returncode == 0
