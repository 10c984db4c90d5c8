"""Kith as installed in a cluster: its pods, their readiness, their metrics, their addresses."""

from __future__ import annotations

import time
from collections import Counter

from tests.cluster.helm import Helm
from tests.cluster.kubectl import Json, Kubectl
from tests.cluster.metrics import Samples, parse
from tests.cluster.waiting import until

NAME = "kith"
INSTANCE = f"app.kubernetes.io/instance={NAME}"
COMPONENT = "app.kubernetes.io/component"

_READ_METRICS = "from urllib.request import urlopen; print(urlopen('http://127.0.0.1:9464/metrics').read().decode())"


class Release:
    """The chart, installed once under the name `kith` with values of these tests.

    Args:
        settings: values that hold in every installation, such as where the images are.
    """

    def __init__(self, kubectl: Kubectl, settings: dict[str, str]) -> None:
        self.kubectl = kubectl
        self.helm = Helm(NAME, kubectl.namespace)
        self._settings = settings

    def deploy(self, *layers: str, tag: str) -> float:
        """Installs or upgrades to images of a tag; the seconds until everything was ready."""
        begun = time.monotonic()
        self.helm.deploy(*layers, settings={**self._settings, "image.tag": tag})
        self.wait_until_settled()
        return time.monotonic() - begun

    def pods(self, component: str = "") -> list[Json]:
        """The pods of one component, or of all but checks, without those that have ended or are being deleted."""
        found = self.kubectl.items("pods", f"{INSTANCE},{COMPONENT}" + (f"={component}" if component else "!=check"))
        return [pod for pod in found if pod["status"]["phase"] in ("Pending", "Running") and not _leaving(pod)]

    def names(self, component: str) -> list[str]:
        """The names of the component's ready pods."""
        return [name_of(pod) for pod in self.pods(component) if is_ready(pod)]

    def components(self) -> list[str]:
        """Every component that has a pod running, the servers last."""
        found = sorted({component_of(pod) for pod in self.pods()})
        return sorted(found, key=lambda component: component in ("mongodb", "rabbitmq"))

    def kill(self, pod: str) -> None:
        """Ends a pod without a word of warning; returns at once."""
        self.kubectl.delete("pod", pod, "--force", "--grace-period=0", "--wait=false")

    def wait_until_settled(self, seconds: float = 240.0) -> None:
        """Waits until every workload has as many ready pods as it wants, all of its newest shape, and no others."""
        until(lambda: not self.unsettled(), seconds=seconds, what="a settled release")

    def unsettled(self) -> list[str]:
        """The workloads that are not as they should be."""
        workloads = self.kubectl.items("deployments,statefulsets", INSTANCE)
        return [name_of(workload) for workload in workloads if not _settled(workload)]

    def metrics(self, pod: str) -> Samples:
        """What a pod shows Prometheus now."""
        return parse(self.kubectl.python(pod, _READ_METRICS))

    def calls(self, component: str) -> Counter[str]:
        """For each ready pod of an api: how many gRPC calls it has answered since its start."""
        name = "rpc_server_call_duration_seconds_count"
        return Counter({pod: int(sum(self.metrics(pod).get(name, {}).values())) for pod in self.names(component)})

    def home_node(self) -> str:
        """The node that holds the data."""
        return self._node_of("mongodb")

    def other_nodes(self) -> list[str]:
        """The nodes that may be drained or lost without losing the servers."""
        homes = {self._node_of("mongodb"), self._node_of("rabbitmq")}
        return [node for node in map(name_of, self.kubectl.items("nodes")) if node not in homes]

    def service(self, component: str) -> str:
        """What `kubectl port-forward` calls the component's service."""
        return f"service/{NAME}-{component}"

    def _node_of(self, component: str) -> str:
        return str(self.pods(component)[0]["spec"]["nodeName"])


def name_of(found: Json) -> str:
    """The name of an object."""
    return str(found["metadata"]["name"])


def component_of(found: Json) -> str:
    """The part of Kith that an object belongs to, such as `contact-api`."""
    return str(found["metadata"]["labels"][COMPONENT])


def is_ready(pod: Json) -> bool:
    """Whether the pod's condition Ready is true."""
    conditions = pod["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _leaving(pod: Json) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _settled(workload: Json) -> bool:
    status, wanted = workload["status"], workload["spec"]["replicas"]
    counts = [status.get(count, 0) for count in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
    seen = status.get("observedGeneration", 0) >= workload["metadata"]["generation"]
    return seen and all(count == wanted for count in counts)
