"""helm, for the chart of this repository."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.command import run

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "kith"
VALUES = Path(__file__).parent / "values"


class Helm:
    """One release in one namespace."""

    def __init__(self, release: str, namespace: str) -> None:
        self.release = release
        self.namespace = namespace

    def deploy(self, *layers: str, settings: dict[str, str], seconds: float = 600.0) -> None:
        """Installs or upgrades, and waits until all of it is ready.

        Args:
            layers: names of files in `values`, the later ones over the earlier ones.
            settings: single values by their paths, over all layers.
        """
        files = _options("--values", (str(VALUES / f"{layer}.yaml") for layer in layers))
        single = _options("--set-string", (f"{path}={value}" for path, value in settings.items()))
        self._run(
            "upgrade", "--install", self.release, str(CHART), *files, *single, *_waiting(seconds), seconds=seconds
        )

    def rollback(self, seconds: float = 600.0) -> None:
        """Goes back to the revision before, and waits until all of it is ready."""
        self._run("rollback", self.release, *_waiting(seconds), seconds=seconds)

    def test(self, seconds: float = 300.0) -> str:
        """Runs the release's own test; what its pod said."""
        return self._run("test", self.release, f"--timeout={seconds:g}s", seconds=seconds)

    def uninstall(self, seconds: float = 180.0) -> str:
        """Takes the release away, and waits until it is gone; what helm said about what it keeps."""
        return self._run("uninstall", self.release, "--wait", f"--timeout={seconds:g}s", seconds=seconds)

    def test_pod(self) -> dict[str, Any]:
        """The pod, as the chart renders it, that `test` runs."""
        documents = yaml.safe_load_all(self._run("get", "hooks", self.release, seconds=30))
        pods: list[dict[str, Any]] = [one for one in documents if one and one["kind"] == "Pod"]
        assert len(pods) == 1, f"the chart has {len(pods)} test pods"
        return pods[0]

    def _run(self, *arguments: str, seconds: float) -> str:
        return run("helm", "--namespace", self.namespace, *arguments, timeout_seconds=seconds + 30)


def _waiting(seconds: float) -> tuple[str, ...]:
    return ("--wait", "--wait-for-jobs", f"--timeout={seconds:g}s")


def _options(name: str, values: Iterable[str]) -> list[str]:
    return [part for value in values for part in (name, value)]
