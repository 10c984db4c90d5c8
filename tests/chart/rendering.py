"""The chart as Helm's own engine renders it: without a cluster, a network or the `helm` program."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Hashable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import yaml

from cli.running import ROOT

CHART = ROOT / "deploy" / "helm" / "kith"
SCENARIOS = tuple(sorted(file.name.removesuffix("-values.yaml") for file in (CHART / "ci").glob("*-values.yaml")))
LONGEST_RELEASE = "a-release-whose-name-is-forty-characters"

Manifest = dict[str, Any]
Values = Mapping[str, Any]


def values_of(scenario: str) -> dict[str, Any]:
    """The values of `ci/<scenario>-values.yaml`, read anew: the caller may change them."""
    values: dict[str, Any] = yaml.load((CHART / "ci" / f"{scenario}-values.yaml").read_text(), _Strict)
    return values


@cache
def scenario_manifests(scenario: str, release: str = "kith") -> tuple[Manifest, ...]:
    """What a scenario renders; nobody may change it. `subchart` is rendered inside of another chart."""
    return tuple(_objects(_scenario(scenario, release)))


def scenario_notes(scenario: str) -> str:
    """What `helm install` tells at its end."""
    return next(text for name, text in _scenario(scenario, "kith").items() if name.endswith("NOTES.txt"))


def render(values: Values, *, upgrade: bool = False) -> list[Manifest]:
    """The objects that an install (or upgrade) sends to Kubernetes, in the order of their files.

    Raises:
        helm_python.HelmError: the chart refuses the values.
    """
    return _objects(_texts(_chart(), values, upgrade=upgrade))


def complaints_of_lint(values: Values) -> list[str]:
    """What `helm lint --strict` finds to complain about; infos, such as a missing icon, are none."""
    report = helm_python.lint(CHART, dict(values), strict=True)
    found = [str(message["error"]) for message in report["messages"] if message["severity"] >= _WARNING]
    return [*found, *(error for error in report["errors"] if error not in found)]


def default_values() -> dict[str, Any]:
    """The chart's `values.yaml`."""
    return _chart().values


_WARNING = 2


@cache
def _chart() -> helm_python.Chart:
    return helm_python.Chart.load(CHART)


@cache
def _scenario(scenario: str, release: str) -> dict[str, str]:
    if scenario == "subchart":
        return _as_subchart(values_of(scenario), release)
    return _texts(_chart(), values_of(scenario), release)


def _as_subchart(values: Values, release: str, alias: str = "crm") -> dict[str, str]:
    """Rendered by a chart that has Kith as a dependency called `alias`; `global` is that chart's."""
    own = {key: value for key, value in values.items() if key != "global"}
    with tempfile.TemporaryDirectory() as folder, helm_python.Chart.load(_parent(Path(folder), alias)) as parent:
        return _texts(parent, {"global": values.get("global", {}), alias: own}, release)


def _texts(chart: helm_python.Chart, values: Values, release: str = "kith", *, upgrade: bool = False) -> dict[str, str]:
    """Rendered files by their names."""
    return chart.render(
        dict(values),
        name=release,
        namespace="crm",
        revision=2 if upgrade else 1,
        is_install=not upgrade,
        is_upgrade=upgrade,
    )


def _objects(texts: Mapping[str, str]) -> list[Manifest]:
    documents = (yaml.load_all(text, _Strict) for name, text in sorted(texts.items()) if not name.endswith(".txt"))
    return [document for stream in documents for document in stream if document]


def _parent(folder: Path, alias: str) -> Path:
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    dependency = {"name": "kith", "version": version, "alias": alias}
    about = {"apiVersion": "v2", "name": "parent", "version": "1.0.0", "dependencies": [dependency]}
    (folder / "Chart.yaml").write_text(yaml.safe_dump(about))
    (folder / "values.yaml").write_text("{}\n")
    shutil.copytree(CHART, folder / "charts" / "kith")
    return folder


class _Strict(yaml.CSafeLoader):
    """YAML as Kubernetes' API server reads it when it is told to be strict: a key stands once in a map."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.YAMLError(f"{', '.join(map(str, twice))} stands twice in one map{node.start_mark}")
        return super().construct_mapping(node, deep)
