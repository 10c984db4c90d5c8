"""kubectl, for one namespace of the cluster in KUBECONFIG."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from tests.cluster.command import run

Json = dict[str, Any]


class Kubectl:
    """Asks and tells the API server, as an operator would."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def __call__(self, *arguments: str, stdin: str | None = None, timeout_seconds: float = 120.0) -> str:
        """What `kubectl -n <namespace> …` prints."""
        return run("kubectl", "-n", self.namespace, *arguments, stdin=stdin, timeout_seconds=timeout_seconds)

    def json(self, *arguments: str) -> Json:
        """The object, or the list of objects, that `kubectl … -o json` prints."""
        found: Json = json.loads(self(*arguments, "-o", "json"))
        return found

    def items(self, kind: str, selector: str = "") -> list[Json]:
        """The objects of a kind, narrowed to those with certain labels."""
        found: list[Json] = self.json("get", kind, *(("-l", selector) if selector else ()))["items"]
        return found

    def raw(self, path: str) -> Json:
        """What the API server answers to GET <path>."""
        answer: Json = json.loads(run("kubectl", "get", f"--raw={path}"))
        return answer

    def serves(self, group: str) -> bool:
        """Whether the API server has the group, such as `keda.sh`."""
        return any(one["name"] == group for one in self.raw("/apis")["groups"])

    def apply(self, *objects: Json) -> None:
        """Creates or changes objects."""
        self("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def delete(self, kind: str, name: str, *options: str) -> None:
        """Deletes an object, and waits until it is gone; harmless when there is none."""
        self("delete", kind, name, "--ignore-not-found", *options)

    def python(self, pod: str, code: str, *arguments: str) -> str:
        """What a piece of Python prints inside a running pod."""
        return self("exec", pod, "--", "python", "-c", code, *arguments)

    def until(self, kind: str, name: str, condition: str, seconds: float) -> None:
        """Waits for a condition, such as `condition=Ready` or `jsonpath=…`."""
        self("wait", f"{kind}/{name}", f"--for={condition}", f"--timeout={seconds:g}s", timeout_seconds=seconds + 10)

    @contextmanager
    def forward(self, target: str, port: int) -> Iterator[str]:
        """A port of this machine that leads to a port of a pod or service; yields its URL."""
        argv = ["kubectl", "-n", self.namespace, "port-forward", target, f":{port}"]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert process.stdout is not None
            said = process.stdout.readline()  # Forwarding from 127.0.0.1:40123 -> 8080
            assert " -> " in said, f"kubectl port-forward {target} {port} did not start"
            yield f"http://{said.split()[2]}"
        finally:
            process.kill()
            process.communicate()

    @contextmanager
    def watch(self, kind: str, saw: Callable[[str], None], selector: str, columns: str) -> Iterator[None]:
        """Calls `saw`, from a thread, with one line for each change of an object: the columns of a jsonpath."""
        argv = ["kubectl", "-n", self.namespace, "get", kind, "-l", selector, "--watch", "-o", f"jsonpath={columns}"]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        reader = Thread(target=_read, args=(process, saw), daemon=True)
        reader.start()
        try:
            yield
        finally:
            process.kill()
            reader.join()


def _read(process: subprocess.Popen[str], saw: Callable[[str], None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        saw(line.rstrip("\n"))
