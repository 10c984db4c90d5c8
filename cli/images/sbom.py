"""The images' bill of materials: `python -m cli.images.sbom ENVIRONMENT LOCK BASE VERSION CREATED`, inside a build.

ENVIRONMENT is what cyclonedx-py says of the Python packages of all images, LOCK the list of those that every image has,
BASE the base image's file tree, CREATED the time that it is dated with (ISO 8601). Writes CycloneDX JSON to standard
output: the packages, the base image's Debian packages, if it has any, and Python itself, which is no Debian package in
most Python images.
"""

from __future__ import annotations

import datetime
import json
import platform
import re
import sys
import uuid
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from typing import Any

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

CLI_ONLY = Property(name="kith:image", value="cli")
"""What a component carries that only the command line's image has."""


def complete(environment: dict[str, Any], lock: str, base: Path, version: str) -> Bom:
    """The bill of materials of `environment`'s packages, of the file tree in `base`, and of this Python."""
    bom: Bom = Bom.from_json(environment)  # type: ignore[attr-defined]  # added by a decorator
    everywhere = pinned(lock)
    for component in bom.components:
        if normal(component.name) not in everywhere:
            component.properties.add(CLI_ONLY)
    for component in (*debian_packages(base), *_system(base), _python()):
        bom.components.add(component)
    if bom.metadata.component:
        bom.metadata.component.version = version
    bom.serial_number = _serial(bom, version)
    return bom


def pinned(lock: str) -> set[str]:
    """The names that a requirements file pins."""
    return {normal(name) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}


def normal(name: str) -> str:
    """A package's name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def debian_packages(base: Path) -> Iterator[Component]:
    """The installed Debian packages of a file tree; none if it was not made of such.

    Distroless images keep a file per package in `status.d`, all others have one `status`.
    """
    release = _release(base)
    files = [base / "var/lib/dpkg/status", *sorted((base / "var/lib/dpkg/status.d").glob("*"))]
    for file in files:
        if file.is_file() and file.suffix != ".md5sums":
            for paragraph in re.split(r"\n\n+", file.read_text(errors="replace").strip()):
                yield from _debian_package(paragraph, release)


def _debian_package(paragraph: str, release: tuple[str, str]) -> Iterator[Component]:
    fields = Parser().parsestr(paragraph, headersonly=True)
    name, version, state = fields["Package"], fields["Version"], fields.get("Status", "install ok installed")
    if not name or not version or not state.endswith(" installed"):
        return
    qualifiers = {
        "arch": fields["Architecture"],
        "distro": "-".join(filter(None, release)),
        "upstream": fields.get("Source", "").split(" ")[0],
    }
    known = {key: value for key, value in qualifiers.items() if value}
    url = PackageURL("deb", release[0] or "debian", name, version, known)
    yield Component(type=ComponentType.LIBRARY, name=name, version=version, purl=url, bom_ref=url.to_string())


def _system(base: Path) -> Iterator[Component]:
    """The distribution itself: scanners look its packages up by it."""
    distribution, edition = _release(base)
    if distribution:
        yield Component(type=ComponentType.OPERATING_SYSTEM, name=distribution, version=edition, bom_ref=distribution)


def _release(base: Path) -> tuple[str, str]:
    """The distribution and its edition, such as `debian` and `12`; empty where the file tree does not tell."""
    file = base / "etc/os-release"
    text = file.read_text() if file.is_file() else ""
    values = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', text, re.MULTILINE))
    return values.get("ID", ""), values.get("VERSION_ID", "")


def _python() -> Component:
    version = platform.python_version()
    url = PackageURL("generic", None, "python", version)
    return Component(
        type=ComponentType.PLATFORM,
        name="python",
        version=version,
        purl=url,
        cpe=f"cpe:2.3:a:python:python:{version}:*:*:*:*:*:*:*",
        bom_ref=url.to_string(),
    )


def _serial(bom: Bom, version: str) -> uuid.UUID:
    """The same for the same content: what a build says must not depend on when it ran."""
    content = sorted(f"{component.name} {component.version}" for component in bom.components)
    return uuid.uuid5(uuid.NAMESPACE_OID, "\n".join(["kith", version, *content]))


def main(environment: str, lock: str, base: str, version: str, created: str) -> None:
    """Writes the bill of materials to standard output."""
    bom = complete(json.loads(Path(environment).read_text()), Path(lock).read_text(), Path(base), version)
    bom.metadata.timestamp = datetime.datetime.fromisoformat(created)
    print(JsonV1Dot6(bom).output_as_string(indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
