"""Load from inside the cluster, and its audit: what was acknowledged, and what became of it."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.cluster.kubectl import Json
from tests.cluster.release import NAME, Release
from tests.cluster.waiting import until

_AUDIT_SECONDS = 240.0
_ENDED = ("Succeeded", "Failed")
_END = "import os, signal; os.kill(1, signal.SIGTERM)"
_COUNTERS = ("attempted", "acknowledged", "lost", "duplicated", "failed", "events_missing", "events_duplicated")
_MEASURES = ("retries", "rate", "p50_ms", "p99_ms", "longest_silence_ms", "failures_by_kind")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Outcome:
    """What the generator counted, and what its audit found."""

    numbers: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.numbers[name]

    @property
    def counters(self) -> dict[str, Any]:
        """For the report: what was counted, and what was measured."""
        return {name: self.numbers[name] for name in (*_COUNTERS, *_MEASURES)}

    def lost_nothing(self) -> bool:
        """Whether every acknowledged write is there once, and so is what had to follow from it."""
        found = [self.numbers[name] for name in ("lost", "duplicated", "events_missing", "events_duplicated")]
        return self.numbers["acknowledged"] > 0 and not any(found)


class Load:
    """A pod that sends requests to the gateway until it is told to end."""

    def __init__(self, release: Release, name: str) -> None:
        self._release = release
        self._kubectl = release.kubectl
        self.name = name

    def end(self) -> Outcome:
        """Tells the pod to send no more; waits for its audit."""
        if self._phase() == "Running":
            self._kubectl.python(self.name, _END)
        until(lambda: self._phase() in _ENDED, seconds=_AUDIT_SECONDS, what=f"the audit of {self.name}")
        said = self._kubectl("logs", self.name)
        assert "{" in said, f"{self.name} counted nothing:\n{said}"
        return Outcome(json.loads(said[said.index("{") :].splitlines()[0]))

    def wait_until_sending(self) -> None:
        """Waits until the pod sends requests, of which it says a word."""
        until(lambda: self._phase() != "Pending", seconds=60, what=f"the start of {self.name}")
        until(lambda: self._kubectl("logs", self.name), seconds=60, what=f"a word of {self.name}")

    def _phase(self) -> str:
        return str(self._kubectl.json("get", "pod", self.name)["status"]["phase"])


@contextmanager
def running(release: Release, *options: str, rate: float, most_seconds: float = 600.0) -> Iterator[Load]:
    """Load at so many requests per second, for as long as the block lasts.

    Args:
        options: further options of `python -m cli.check.load`.
        most_seconds: when it ends by itself, should nobody end it.
    """
    name = f"load-{next(_numbers)}"
    arguments = [
        *("--gateway", f"http://{NAME}-gateway", "--tenant", name, "--rate", f"{rate:g}"),
        *("--seconds", f"{most_seconds:g}", "--audit", *options),
    ]
    release.kubectl.apply(pod(release, name, ["python", "-m", "cli.check.load", *arguments]))
    load = Load(release, name)
    try:
        load.wait_until_sending()
        yield load
    finally:
        release.kubectl.delete("pod", name, "--grace-period=0", "--force")


def pod(release: Release, name: str, command: list[str]) -> Json:
    """A pod like the one of `helm test`, with another name and command.

    What the chart allows that one, it allows this one: NetworkPolicies, credentials, security. It stands beside the
    data, on the node that no test takes away.
    """
    made = copy.deepcopy(release.helm.test_pod())
    made["metadata"] = {"name": name, "labels": made["metadata"]["labels"]}
    made["spec"]["nodeSelector"] = {"kubernetes.io/hostname": release.home_node()}
    made["spec"]["containers"][0] |= {"command": command, "args": []}
    return made
