"""Which of docker, podman and buildah works here, and how each is told to build, tag, weigh and push."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROBE_SECONDS = 60

DATE = 315532800
"""1980-01-01, in seconds since 1970: every image and file is dated so, that a layer changes only with what is in it.

When an image's source was committed stands in its label `org.opencontainers.image.created`.
"""


class NoBuilder(Exception):
    """No program on this machine can build images; the text says of each one why."""


class BuildFailed(Exception):
    """A builder refused; the text ends with its own last words."""


@dataclass(frozen=True, slots=True)
class Program:
    """One of the three, with what sets it apart from the others."""

    name: str
    probe: tuple[str, ...]
    """Answers with status 0 only if images can really be built: a client whose engine is not reachable fails."""

    options: tuple[str, ...] = ()
    keeps_time: bool = False
    """Whether `--timestamp` sets the times inside an image; docker reads SOURCE_DATE_EPOCH instead."""


PROGRAMS = (
    Program("docker", ("info",)),
    Program("podman", ("info",), ("--layers",), keeps_time=True),
    Program("buildah", ("info",), ("--layers",), keeps_time=True),
)


@dataclass(frozen=True, slots=True)
class Image:
    """An image in the builder's own store; the size is that of its unpacked layers, in bytes."""

    id: str
    size: int


class Builder:
    """A program that has proved that it works."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def build(self, context: Path, arguments: Sequence[str], log: Path) -> None:
        """Runs one build over `context`; whatever the program says goes to `log`.

        Raises:
            BuildFailed: it ended with another status than 0.
        """
        command = [self.program.name, "build", *self.program.options, *self._dated(), *arguments, str(context)]
        environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
        with log.open("wb") as words:
            done = subprocess.run(command, env=environment, stdout=words, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            last = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise BuildFailed(f"{last}\n\n{self.program.name} build failed; all it said is in {log}")

    def image(self, name: str) -> Image:
        """The image of that name."""
        if self.program.name == "buildah":
            found = json.loads(self._say("inspect", "--type", "image", name))
            layers = json.loads(found["Manifest"])["layers"]
            return Image(found["FromImageID"], sum(layer["size"] for layer in layers))
        found = json.loads(self._say("image", "inspect", name))[0]
        return Image(found["Id"].removeprefix("sha256:"), found["Size"])

    def push(self, name: str) -> None:
        """Sends an image to the registry that its name begins with.

        Raises:
            BuildFailed: the registry did not take it.
        """
        self._say("push", name)

    def _dated(self) -> tuple[str, ...]:
        epoch = ("--build-arg", f"SOURCE_DATE_EPOCH={DATE}")
        return (*epoch, "--timestamp", str(DATE)) if self.program.keeps_time else epoch

    def _say(self, *arguments: str) -> str:
        done = subprocess.run([self.program.name, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildFailed(f"{self.program.name} {' '.join(arguments)} failed:\n{done.stderr.strip()}")
        return done.stdout


def find(wanted: str | None = None) -> Builder:
    """The first program that works, or the `wanted` one.

    Raises:
        NoBuilder: none works.
    """
    reasons = []
    for program in PROGRAMS:
        if wanted not in (None, program.name):
            continue
        reason = _why_not(program)
        if reason is None:
            return Builder(program)
        reasons.append(f"  {program.name}: {reason}")
    raise NoBuilder("Nothing here can build images.\n" + "\n".join(reasons))


def _why_not(program: Program) -> str | None:
    if shutil.which(program.name) is None:
        return "not installed"
    try:
        done = subprocess.run(
            [program.name, *program.probe], capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"installed, but `{program.name} info` did not answer within {PROBE_SECONDS} seconds"
    if done.returncode == 0:
        return None
    words = done.stderr.strip().splitlines() or [f"`{program.name} info` ended with {done.returncode}"]
    return f"installed, but does not work: {words[-1]}"
