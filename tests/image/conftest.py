"""Three of the images, really built; skipped where nothing can build them or the base image cannot be had."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.images import builders
from cli.images.builders import Builder
from tests.image.container import Container, at_hand

ROOT = Path(__file__).resolve().parents[2]
TAG = "under-test"
BUILT = ("contact", "gateway", "cli")
"""One of each kind."""

Open = Callable[[str], Container]


@pytest.fixture(scope="session")
def builder() -> Builder:
    """The program that builds here."""
    try:
        return builders.find()
    except builders.NoBuilder as none:
        pytest.skip(str(none))


@pytest.fixture(scope="session")
def built(builder: Builder) -> dict[str, Any]:
    """What `kith images` says that it built."""
    base = os.environ.get("KITH_BASE_IMAGE", "python:3.11-slim")
    if not at_hand(builder, base):
        pytest.skip(f"{builder.program.name} cannot get the base image {base}; KITH_BASE_IMAGE names another one")
    targets = [part for target in BUILT for part in ("--target", target)]
    options = ("--json", "--tag", TAG, "--builder", builder.program.name, "--base-image", base, *targets)
    command = [sys.executable, "-m", "cli", "images", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="session")
def opened(builder: Builder, built: dict[str, Any]) -> Open:
    """Gives the built image of a target."""
    names = {image["target"]: image["names"][0] for image in built["images"]}
    return lambda target: Container(builder, names[target])


@pytest.fixture(scope="session")
def facts(opened: Open) -> Callable[[str], dict[str, Any]]:
    """Gives what look.py sees in the image of a target."""
    seen: dict[str, dict[str, Any]] = {}

    def of(target: str) -> dict[str, Any]:
        if target not in seen:
            done = opened(target).run("python", "-c", (ROOT / "tests/image/look.py").read_text())
            assert done.returncode == 0, done.stderr
            seen[target] = json.loads(done.stdout)
        return seen[target]

    return of


@pytest.fixture(scope="session")
def bill(built: dict[str, Any]) -> dict[str, Any]:
    """The bill of materials that was written beside them."""
    found: dict[str, Any] = json.loads((ROOT / "build/images/kith.cdx.json").read_text())
    return found
