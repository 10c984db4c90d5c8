"""Kith's images under two tags, built from this tree and given to the cluster."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass

from cli.images import builders
from cli.images.making import TARGETS
from tests.cluster.command import run

REGISTRY = "localhost"
_BUILD_SECONDS = 1200.0


@dataclass(frozen=True)
class Tags:
    """The tag that is installed, and the one that it is upgraded to."""

    old: str
    new: str


def made() -> Tags:
    """Builds and loads the images of both tags.

    KITH_CLUSTER_TAGS names, as `old,new`, tags that the cluster already has: then nothing is built.
    """
    if named := os.environ.get("KITH_CLUSTER_TAGS"):
        return Tags(*named.split(","))
    tags = Tags("test-old", "test-new")
    build(tags.old)
    program = builders.find(None).program.name
    for target in TARGETS:
        run(program, "tag", image(target, tags.old), image(target, tags.new))
    load([image(target, tag) for tag in (tags.old, tags.new) for target in TARGETS])
    return tags


def image(target: str, tag: str) -> str:
    """The full name of an image."""
    return f"{REGISTRY}/kith-{target}:{tag}"


def build(tag: str) -> None:
    """Builds every image with a tag."""
    base = os.environ.get("KITH_BASE_IMAGE")
    options = ("--base-image", base) if base else ()
    argv = (sys.executable, "-m", "cli", "images", "--tag", tag, *options)
    run(*argv, timeout_seconds=_BUILD_SECONDS)


def load(images: list[str]) -> None:
    """Gives images to the cluster, with the command that IMAGE_LOAD names."""
    run(*shlex.split(os.environ["IMAGE_LOAD"]), *images, timeout_seconds=_BUILD_SECONDS)
