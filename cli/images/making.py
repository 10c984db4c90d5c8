"""Makes the images: one build per target, and the bill of materials of all."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cli.images.builders import Builder
from cli.images.source import Source

TARGETS = ("contact", "sales", "cases", "notification", "identity", "insight", "gateway", "cli")
DOCKERFILE = "deploy/image/Dockerfile"
BILL = "kith.cdx.json"
INDEX = "images.json"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. `given` are arguments for the builder: base image, secrets."""

    source: Source
    tag: str
    targets: Sequence[str] = TARGETS
    registry: str = ""
    given: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """An image that was made: its names, the builder's id of it, unpacked size in bytes, and how long it took."""

    target: str
    names: tuple[str, ...]
    id: str
    size: int
    seconds: float


def make(builder: Builder, root: Path, folder: Path, wish: Wish) -> Iterator[Made]:
    """Builds one target after the other, then writes the bill of materials and `images.json` into `folder`.

    The targets share their first stages, which the builder's cache keeps, so only the first one takes long.

    Raises:
        BuildFailed: a build failed; the images before it exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for target in wish.targets:
        began = time.monotonic()
        names = names_of(target, wish)
        tags = [part for name in names for part in ("--tag", name)]
        _build(builder, root, folder, wish, target, tags)
        image = builder.image(names[0])
        made.append(Made(target, names, image.id, image.size, round(time.monotonic() - began, 1)))
        yield made[-1]
    _build(builder, root, folder, wish, "sbom", ["--output", f"type=local,dest={folder}"])
    (folder / INDEX).write_text(json.dumps([asdict(one) for one in made], indent=2) + "\n")


def names_of(target: str, wish: Wish) -> tuple[str, ...]:
    """The names of a target's image: the local one, and the registry's if one was given."""
    places = ("localhost", wish.registry) if wish.registry else ("localhost",)
    return tuple(f"{place.rstrip('/')}/kith-{target}:{wish.tag}" for place in places)


def _build(builder: Builder, root: Path, folder: Path, wish: Wish, target: str, options: Sequence[str]) -> None:
    arguments = ["--file", str(root / DOCKERFILE), "--target", target, *_told(wish.source), *wish.given, *options]
    builder.build(root, arguments, folder / f"{target}.log")


def _told(source: Source) -> list[str]:
    created = datetime.datetime.fromtimestamp(source.created, datetime.UTC).isoformat()
    values = {"VERSION": source.version, "REVISION": source.revision, "CREATED": created}
    told = [part for name, value in values.items() for part in ("--build-arg", f"{name}={value}")]
    if source.url:
        told += ["--label", f"org.opencontainers.image.source={source.url}"]
    return told
