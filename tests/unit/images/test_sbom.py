"""The bill of materials: packages, the base image's packages, Python, and which of them only one image has."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

from cyclonedx.output.json import JsonV1Dot6

from cli.images import sbom

ENVIRONMENT: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "metadata": {"component": {"type": "application", "name": "kith", "version": "0", "bom-ref": "root"}},
    "components": [
        {"type": "library", "name": name, "version": "1", "bom-ref": name, "purl": f"pkg:pypi/{name.lower()}@1"}
        for name in ("Grpc.IO", "httpx")
    ],
    "dependencies": [{"ref": "root", "dependsOn": ["Grpc.IO", "httpx"]}],
}
LOCK = "grpc-io==1 \\\n    --hash=sha256:00\n"
STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.36-9)
Version: 2.36-9+deb12u10
Description: GNU C Library
 Contains the standard libraries.

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: zlib1g
Status: install ok installed
Architecture: amd64
Version: 1:1.2.13
"""


def debian(base: Path) -> Path:
    (base / "etc").mkdir()
    (base / "etc/os-release").write_text('NAME="Debian"\nID=debian\nVERSION_ID="12"\n')
    (base / "var/lib/dpkg").mkdir(parents=True)
    (base / "var/lib/dpkg/status").write_text(STATUS)
    return base


def written(base: Path) -> dict[str, Any]:
    bom = sbom.complete(ENVIRONMENT, LOCK, base, "1.2.3")
    found: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    return found


def names(document: dict[str, Any]) -> set[str]:
    return {component["name"] for component in document["components"]}


def test_installed_debian_packages_are_listed_with_their_source_package(tmp_path: Path) -> None:
    found = {component.name: str(component.purl) for component in sbom.debian_packages(debian(tmp_path))}
    assert found == {
        "libc6": "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12&upstream=glibc",
        "zlib1g": "pkg:deb/debian/zlib1g@1:1.2.13?arch=amd64&distro=debian-12",
    }


def test_a_distroless_base_lists_its_packages_in_files_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "var/lib/dpkg/status.d"
    folder.mkdir(parents=True)
    (folder / "libc6").write_text("Package: libc6\nVersion: 2.36\nArchitecture: amd64\n")
    (folder / "libc6.md5sums").write_text("00 usr/lib/libc.so\n")
    assert [component.name for component in sbom.debian_packages(tmp_path)] == ["libc6"]


def test_a_base_without_debian_packages_leaves_python_and_its_packages(tmp_path: Path) -> None:
    assert names(written(tmp_path)) == {"Grpc.IO", "httpx", "python"}


def test_the_whole_names_kith_its_packages_the_system_and_python(tmp_path: Path) -> None:
    document = written(debian(tmp_path))
    assert names(document) == {"Grpc.IO", "httpx", "libc6", "zlib1g", "debian", "python"}
    assert document["metadata"]["component"]["version"] == "1.2.3"
    assert platform.python_version() in {component["version"] for component in document["components"]}


def test_a_package_that_only_the_command_line_has_says_so(tmp_path: Path) -> None:
    marked = {component["name"]: component.get("properties") for component in written(tmp_path)["components"]}
    assert marked["httpx"] == [{"name": "kith:image", "value": "cli"}]
    assert marked["Grpc.IO"] is None


def test_the_same_content_has_the_same_serial_number(tmp_path: Path) -> None:
    assert written(tmp_path)["serialNumber"] == written(tmp_path)["serialNumber"]
    assert written(tmp_path)["serialNumber"] != written(debian(tmp_path))["serialNumber"]
