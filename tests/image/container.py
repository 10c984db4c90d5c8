"""Runs commands in images, and reads what they are, with the builder that made them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cli.images.builders import Builder

SECONDS = 300


@dataclass(frozen=True, slots=True)
class Container:
    """An image, run by `builder`: without network and with a read-only root where the program can do that."""

    builder: Builder
    image: str

    def run(self, *command: str, user: str = "12345:0") -> subprocess.CompletedProcess[str]:
        """Runs a command instead of the image's own, as a user that the image does not know."""
        if self.builder.program.name != "buildah":
            first, *rest = command
            options = ("--rm", "--read-only", "--tmpfs", "/tmp", "--network", "none", "--user", user)
            return self._call("run", *options, "--entrypoint", first, self.image, *rest)
        with self._working() as container:
            return self._call("run", "--user", user, container, "--", *command)

    def configuration(self) -> dict[str, Any]:
        """The OCI image's `config`."""
        found = self._inspected()
        configuration: dict[str, Any] = found.get("OCIv1", {}).get("config") or found["Config"]
        return configuration

    def layers(self) -> Sequence[str]:
        """The digests of the unpacked layers, the base image's first."""
        found = self._inspected()
        layers: list[str] = found["OCIv1"]["rootfs"]["diff_ids"] if "OCIv1" in found else found["RootFS"]["Layers"]
        return layers

    def _inspected(self) -> dict[str, Any]:
        command = ("inspect", "--type", "image") if self.builder.program.name == "buildah" else ("image", "inspect")
        told = json.loads(self._call(*command, self.image).stdout)
        found: dict[str, Any] = told[0] if isinstance(told, list) else told
        return found

    @contextmanager
    def _working(self) -> Iterator[str]:
        container = self._call("from", "--pull-never", self.image).stdout.strip()
        try:
            yield container
        finally:
            self._call("rm", container)

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [self.builder.program.name, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


def at_hand(builder: Builder, image: str) -> bool:
    """Whether the builder has an image, or can have it from a registry."""
    program = builder.program.name
    looks = ("inspect", "--type", "image") if program == "buildah" else ("image", "inspect")
    return any(
        subprocess.run([program, *ask, image], capture_output=True, timeout=SECONDS, check=False).returncode == 0
        for ask in (looks, ("pull", "--quiet"))
    )
