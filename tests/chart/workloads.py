"""What runs: the pods of a rendered chart, whatever kind of object makes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.chart.rendering import Manifest

COMPONENT = "app.kubernetes.io/component"


@dataclass(frozen=True)
class Workload:
    """An object that makes pods, or is one (`helm test`)."""

    manifest: Manifest

    @property
    def kind(self) -> str:
        """Deployment, StatefulSet, Job, or Pod."""
        return str(self.manifest["kind"])

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.manifest["metadata"]["name"])

    @property
    def component(self) -> str:
        """Which part of Kith its pods are, for example `contact-api`."""
        return self.labels[COMPONENT]

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its pods."""
        return dict(self._template["metadata"]["labels"])

    @property
    def pod(self) -> dict[str, Any]:
        """The specification of its pods."""
        return dict(self._template["spec"])

    @property
    def containers(self) -> list[dict[str, Any]]:
        """The containers of a pod, with those that only run at its start."""
        return [*self.pod.get("initContainers", []), *self.pod["containers"]]

    @property
    def selector(self) -> dict[str, str]:
        """The labels by which it knows its pods; a Job's are the cluster's own business."""
        return dict(self.manifest["spec"].get("selector", {}).get("matchLabels", {}))

    @property
    def replicas(self) -> int | None:
        """How many pods it asks for; None when it leaves that to a scaler."""
        replicas: int | None = self.manifest["spec"].get("replicas")
        return replicas

    @property
    def ports(self) -> dict[str, int]:
        """The named ports of its pods."""
        ports = (port for container in self.containers for port in container.get("ports", []))
        return {port["name"]: port["containerPort"] for port in ports}

    @property
    def environment(self) -> dict[str, Any]:
        """Every variable of its first container: its value, or the reference that it comes from."""
        entries = self.containers[0].get("env", [])
        return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in entries}

    @property
    def _template(self) -> dict[str, Any]:
        if self.kind == "Pod":
            return self.manifest
        template: dict[str, Any] = self.manifest["spec"]["template"]
        return template


def workloads(manifests: Iterable[Manifest]) -> list[Workload]:
    """All that runs."""
    kinds = ("Deployment", "StatefulSet", "DaemonSet", "Job", "Pod")
    found = [Workload(manifest) for manifest in manifests if manifest["kind"] in kinds]
    assert found, "nothing runs: the tests over all pods would pass for nothing"
    return found


def of_kind(manifests: Iterable[Manifest], *kinds: str) -> Iterator[Manifest]:
    """The objects of these kinds."""
    return (manifest for manifest in manifests if manifest["kind"] in kinds)


def fits(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a label selector means something with these labels; an empty one means everything."""
    known = set(selector) <= {"matchLabels", "matchExpressions"}
    assert known, f"not a label selector: {selector}"
    equal = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return equal and all(_holds(expression, labels) for expression in selector.get("matchExpressions", []))


def _holds(expression: dict[str, Any], labels: dict[str, str]) -> bool:
    key, values = expression["key"], expression.get("values", [])
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels
