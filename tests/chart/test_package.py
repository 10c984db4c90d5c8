"""The chart as a package, and as the `helm` program renders it where there is one."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

import helm_python
import pytest
import yaml

from tests.chart.rendering import CHART, Manifest, scenario_manifests


def test_a_package_holds_what_the_chart_needs_and_nothing_of_its_tests(tmp_path: Path) -> None:
    with tarfile.open(helm_python.package(CHART, destination=tmp_path)) as archive:
        names = set(archive.getnames())
    assert {"kith/README.md", "kith/values.schema.json", "kith/files/alerts.yaml"} <= names
    assert [name for name in names if name.startswith(("kith/ci/", "kith/charts/"))] == []


def test_the_chart_needs_no_other_chart() -> None:
    assert helm_python.dependency_list(CHART) == []


def test_the_helm_program_renders_what_the_library_does(scenario: str) -> None:
    """Helm 3 is still in wide use; the library is Helm 4."""
    program = shutil.which("helm")
    if program is None:
        pytest.skip("there is no `helm` program here")
    if scenario == "subchart":
        pytest.skip("rendered by its parent; the chart's templates are the same")
    values, where = str(CHART / "ci" / f"{scenario}-values.yaml"), ["--namespace=crm", "--kube-version=1.34"]
    command = [program, "template", "kith", str(CHART), *where, "--values", values]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    rendered = [each for each in yaml.load_all(done.stdout, yaml.CSafeLoader) if each]
    assert _by_name(rendered) == _by_name(list(scenario_manifests(scenario)))


def _by_name(manifests: list[Manifest]) -> dict[tuple[str, str], Manifest]:
    return {(each["kind"], each["metadata"]["name"]): each for each in manifests}
