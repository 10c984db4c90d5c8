"""What an operator would look at first when something is wrong, kept beside the report."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from tests.cluster.command import CommandFailed
from tests.cluster.kubectl import Kubectl
from tests.cluster.release import name_of
from tests.cluster.report import FOLDER


def keep(kubectl: Kubectl, test: str) -> Path:
    """Writes the namespace's objects, events and logs into a folder named for the test; the folder."""
    folder = FOLDER / "failures" / re.sub(r"\W+", "-", test).strip("-")
    folder.mkdir(parents=True, exist_ok=True)
    for name, question in _QUESTIONS.items():
        _write(folder / f"{name}.txt", kubectl, *question)
    with contextlib.suppress(CommandFailed):
        for pod in map(name_of, kubectl.items("pods")):
            _write(folder / f"{pod}.log", kubectl, "logs", pod, "--all-containers", "--tail=500")
            _write(folder / f"{pod}.previous.log", kubectl, "logs", pod, "--previous", "--tail=200")
    return folder


def _write(path: Path, kubectl: Kubectl, *question: str) -> None:
    with contextlib.suppress(CommandFailed):
        path.write_text(kubectl(*question))


_QUESTIONS = {
    "objects": ("get", "all,ingress,networkpolicy,poddisruptionbudget,pvc,secret,configmap", "-o", "wide"),
    "nodes": ("get", "nodes", "-o", "wide"),
    "events": ("get", "events", "--sort-by=.lastTimestamp"),
    "pods": ("describe", "pods"),
}
