"""Loopback ports that stay the same over restarts."""

from __future__ import annotations

import json
import random
import socket
from pathlib import Path

from cli.local.files import write_atomically

HOST = "127.0.0.1"
# Below the range that the kernel gives to outgoing connections: a port is still there when its process starts again.
_RANGE = (20_000, 32_000)


class Ports:
    """The ports of one platform, by process name, remembered in `file`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        self._taken: dict[str, int] = {}

    def take(self, name: str) -> int:
        """The port of `name`, the same at each call: the remembered one if it is free, else a new free one."""
        if name not in self._taken:
            port = self._ports.get(name)
            if port is None or port in self._taken.values() or not is_free(port):
                port = self._choose()
            self._taken[name] = self._ports[name] = port
            write_atomically(self._file, json.dumps(self._ports, indent=2))
        return self._taken[name]

    def _choose(self) -> int:
        while True:
            port = random.randint(*_RANGE)
            if port not in self._ports.values() and is_free(port):
                return port


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now; ports that wait in TIME_WAIT count as free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
