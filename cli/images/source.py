"""What an image is made of: Kith's version, the commit, and when that was made."""

from __future__ import annotations

import os
import re
import subprocess
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Source:
    """A checkout, as an image's labels tell of it."""

    version: str
    """Is a tag as well: `0.1.0` of a released commit, else `0.1.0-1a2b3c4d5e6f`, `…-dirty` with changes of its own."""

    revision: str
    """The commit's whole hash; empty outside of Git."""

    created: int
    """Seconds since 1970: SOURCE_DATE_EPOCH, else the commit's time, so that the same commit makes the same image."""

    url: str
    """Where the source is published; empty when Git's `origin` is no https address."""


def look(root: Path) -> Source:
    """What the checkout in `root` holds."""
    released = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    revision = _git(root, "rev-parse", "HEAD")
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or _git(root, "log", "-1", "--format=%ct") or time.time()
    return Source(
        version=released + _suffix(root, released, revision),
        revision=revision,
        created=int(epoch),
        url=_public(_git(root, "remote", "get-url", "origin")),
    )


def _suffix(root: Path, released: str, revision: str) -> str:
    if not revision:
        return ""
    if _git(root, "status", "--porcelain"):
        return f"-{revision[:12]}-dirty"
    return "" if f"v{released}" in _git(root, "tag", "--points-at", "HEAD").split() else f"-{revision[:12]}"


def _public(url: str) -> str:
    """The address without Git's suffix; one that carries a user or password is nobody's business."""
    return url.removesuffix(".git") if re.fullmatch(r"https://[^@\s]+", url) else ""


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
