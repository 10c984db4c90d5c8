"""What Kubernetes' API server would say against an object, from the schemas that it uses itself.

Built-in kinds come with `kubernetes-validate`. Custom resources are read from their projects' Go modules, which Go
downloads once; none of them is part of Kith.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # it ships none
import pytest
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource

from tests.chart.rendering import Manifest

OLDEST, TESTED, NEWEST = "1.28", "1.34", kubernetes_validate.latest_version().rpartition(".")[0]

_DEFINITIONS = {
    "gateway.networking.k8s.io": ("sigs.k8s.io/gateway-api@v1.6.3", "config/crd/standard"),
    "keda.sh": ("github.com/kedacore/keda/v2@v2.20.2", "config/crd/bases"),
    "monitoring.coreos.com": (
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        "example/prometheus-operator-crd",
    ),
    "cert-manager.io": ("github.com/cert-manager/cert-manager@v1.21.2", "deploy/crds"),
}


def is_custom(manifest: Manifest) -> bool:
    """Whether a kind is not Kubernetes' own."""
    return _group(manifest) in _DEFINITIONS


def faults(manifest: Manifest, version: str) -> list[str]:
    """Where an object of a built-in kind breaks the schema of a Kubernetes version; unknown fields count."""
    return [_told(error) for error in _builtin(manifest["apiVersion"], manifest["kind"], version).iter_errors(manifest)]


def custom_faults(manifest: Manifest) -> list[str]:
    """The same for a custom resource. Skips the test, with the reason, where Go is missing."""
    return [_told(error) for error in _custom(manifest["apiVersion"], manifest["kind"]).iter_errors(manifest)]


def _told(error: ValidationError) -> str:
    return f"{'.'.join(map(str, error.absolute_path)) or '(top)'}: {error.message[:300]}"


def _group(manifest: Manifest) -> str:
    return str(manifest["apiVersion"]).rpartition("/")[0]


def _once(_: Any, keys: list[str], entries: Any, __: Any) -> Iterator[ValidationError]:
    """Lists that Kubernetes merges by a key hold each key once: server-side apply, Helm 4's way, refuses others."""
    if isinstance(entries, list):
        found = [tuple(entry.get(key) for key in keys) for entry in entries if isinstance(entry, dict)]
        for twice in {key for key in found if found.count(key) > 1}:
            yield ValidationError(f"{', '.join(map(str, twice))} stands twice")


_Validator = extend(Draft202012Validator, {"x-kubernetes-list-map-keys": _once})  # type: ignore[no-untyped-call]


@cache
def _builtin(api_version: str, kind: str, version: str) -> Any:
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    group, _, of_group = api_version.rpartition("/")
    file = "-".join(filter(None, (kind.lower(), group.partition(".")[0], of_group)))
    schema = json.loads((folder / f"{file}.json").read_text())
    return _Validator(schema, registry=_definitions(folder))


@cache
def _definitions(folder: Path) -> Registry[Any]:
    definitions: Registry[Any] = (
        Resource.from_contents(json.loads((folder / "_definitions.json").read_text())) @ Registry()
    )
    return definitions


@cache
def _custom(api_version: str, kind: str) -> Any:
    group, _, version = api_version.partition("/")
    definition = _definition(group, kind)
    versions = {each["name"]: each for each in definition["spec"]["versions"] if each["served"]}
    return _Validator(_strict(versions[version]["schema"]["openAPIV3Schema"]))


def _definition(group: str, kind: str) -> dict[str, Any]:
    """A CustomResourceDefinition: each stands in a file of its own, which its plural names."""
    module, folder = _DEFINITIONS[group]
    for file in (_module(module) / folder).glob(f"{group}_{kind.lower()}*.yaml"):
        for document in yaml.load_all(file.read_text(), _Loader):
            if document and document["spec"]["names"]["kind"] == kind:
                found: dict[str, Any] = document
                return found
    raise AssertionError(f"{module} defines no {kind}")


class _Loader(yaml.CSafeLoader):
    """YAML in which a lone `=`, an operator of Prometheus, is a text."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda _, node: str(node.value))


@cache
def _module(module: str) -> Path:
    if not shutil.which("go"):
        pytest.skip("the custom resources' schemas are in Go modules, and Go is not installed here")
    command = ["go", "mod", "download", "-json", module]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        pytest.skip(f"{module} cannot be had here: {done.stderr.strip() or done.stdout.strip()}")
    return Path(json.loads(done.stdout)["Dir"])


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    """A custom resource's schema as the API server applies it with strict field validation: no unknown fields."""
    made = dict(schema)
    if "properties" in schema:
        made["properties"] = {name: _strict(part) for name, part in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            made["additionalProperties"] = False
    elif isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = _strict(schema["additionalProperties"])
    if isinstance(schema.get("items"), dict):
        made["items"] = _strict(schema["items"])
    if schema.get("nullable") and isinstance(schema.get("type"), str):
        made["type"] = [schema["type"], "null"]
    return made
