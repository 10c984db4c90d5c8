"""Kubernetes' Pod Security Standard "restricted", as rules over a pod's specification.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards. It allows every `runAsUser` but 0; that the
chart sets none at all, so that OpenShift may choose, is looked at apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
_SECCOMP = ("RuntimeDefault", "Localhost")


def violations(pod: dict[str, Any]) -> list[str]:
    """What admission would say against a pod; empty when it lets the pod in."""
    return [*_of_the_pod(pod), *(text for container in _containers(pod) for text in _of_a_container(container, pod))]


def _of_the_pod(pod: dict[str, Any]) -> Iterator[str]:
    for shared in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(shared):
            yield f"{shared} is set"
    for volume in pod.get("volumes", []):
        if not set(volume) - {"name"} <= _VOLUMES:
            yield f"volume {volume['name']} is of a kind that is not allowed"
    if pod.get("securityContext", {}).get("sysctls"):
        yield "sysctls are set"


def _of_a_container(container: dict[str, Any], pod: dict[str, Any]) -> Iterator[str]:
    name, own, shared = container["name"], container.get("securityContext", {}), pod.get("securityContext", {})
    capabilities = own.get("capabilities", {})
    if own.get("privileged"):
        yield f"{name} is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{name} may gain privileges"
    if own.get("runAsNonRoot", shared.get("runAsNonRoot")) is not True:
        yield f"{name} may run as root"
    if 0 in (own.get("runAsUser"), shared.get("runAsUser")):
        yield f"{name} runs as root"
    if own.get("seccompProfile", shared.get("seccompProfile", {})).get("type") not in _SECCOMP:
        yield f"{name} has no seccomp profile"
    if "ALL" not in capabilities.get("drop", []):
        yield f"{name} keeps capabilities"
    if not set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"}:
        yield f"{name} adds capabilities"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield f"{name} takes a port of its host"
    if {own.get("procMount", "Default"), "Default"} != {"Default"}:
        yield f"{name} unmasks /proc"


def _containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", []), *pod["containers"], *pod.get("ephemeralContainers", [])]
