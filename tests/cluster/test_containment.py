"""What Kith's pods may not do, and what others may not do to them: enforced by the cluster, not only declared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import images
from tests.cluster.command import CommandFailed
from tests.cluster.images import Tags
from tests.cluster.kubectl import Json, Kubectl
from tests.cluster.release import NAME, Release, name_of
from tests.cluster.report import Report
from tests.cluster.waiting import until

_STRANGER = "stranger"
_RESTRICTED: Json = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_CONNECT = """
import json, socket, sys
def reaches(host, port):
    try:
        socket.create_connection((host, int(port)), 3).close()
        return True
    except OSError:
        return False
print(json.dumps({target: reaches(*target.split(":")) for target in sys.argv[1:]}))
"""
_TRY_TO_WRITE = """
import json, os, sys
def takes(folder):
    path = os.path.join(folder, "written-by-a-test")
    try:
        open(path, "w").close()
    except OSError:
        return False
    os.remove(path)
    return True
folders = {folder for folder, _, _ in os.walk("/") if not folder.startswith(("/proc", "/sys", "/dev"))}
print(json.dumps(sorted(filter(takes, folders))))
"""


@pytest.fixture(scope="module")
def stranger(release: Release, kubectl: Kubectl, tags: Tags) -> Iterator[str]:
    """A pod in Kith's namespace that is no part of Kith."""
    image = images.image("cli", tags.old)
    container = {"name": "idle", "image": image, "command": ["sleep", "3600"], "securityContext": _RESTRICTED}
    container["command"] = ["python", "-c", "import time; time.sleep(3600)"]
    spec = {"containers": [container], "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0}
    kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": _STRANGER}, "spec": spec})
    kubectl.until("pod", _STRANGER, "condition=Ready", 60)
    yield _STRANGER
    kubectl.delete("pod", _STRANGER, "--grace-period=0", "--force")


def test_the_namespace_refuses_a_privileged_pod(release: Release, kubectl: Kubectl, tags: Tags) -> None:
    container = {
        "name": "root",
        "image": images.image("cli", tags.old),
        "securityContext": {"privileged": True},
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "root"}, "spec": {"containers": [container]}}
    with pytest.raises(CommandFailed, match="violates PodSecurity"):
        kubectl.apply(pod)


def test_no_container_can_write_to_its_image(release: Release) -> None:
    for pod in release.pods():
        for container in pod["spec"]["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"], f"{name_of(pod)} {container['name']}"


@pytest.mark.parametrize("component", ["contact-api", "contact-worker", "identity-api", "gateway", "viewer", "mailbox"])
def test_a_process_can_write_to_its_declared_volumes_only(release: Release, kubectl: Kubectl, component: str) -> None:
    pod = release.pods(component)[0]
    mounts = pod["spec"]["containers"][0]["volumeMounts"]
    declared = {mount["mountPath"] for mount in mounts if not mount.get("readOnly")}
    writable = json.loads(kubectl.python(name_of(pod), _TRY_TO_WRITE))
    assert {folder for folder in writable if not _inside(folder, declared)} == set()


def test_no_pod_but_the_one_that_makes_secrets_holds_a_token(release: Release) -> None:
    for pod in release.pods():
        volumes = pod["spec"].get("volumes", [])
        assert not any(_is_token(volume) for volume in volumes), name_of(pod)


def test_a_stranger_reaches_the_gateway_and_nothing_behind_it(
    release: Release, kubectl: Kubectl, stranger: str, report: Report
) -> None:
    behind = [
        f"{NAME}-mongodb:27017",
        f"{NAME}-rabbitmq:5672",
        f"{NAME}-contact-api:50051",
        f"{NAME}-identity-api:50051",
    ]
    gateway = f"{NAME}-gateway:80"

    def reached() -> dict[str, bool] | None:
        answers: dict[str, bool] = json.loads(kubectl.python(stranger, _CONNECT, gateway, *behind))
        return answers if answers[gateway] else None

    answers = until(reached, seconds=30, what="the gateway's answer to a stranger")
    report.add("network policies", reached_by_a_stranger=[target for target, reached in answers.items() if reached])
    assert answers == {gateway: True, **dict.fromkeys(behind, False)}


def _inside(folder: str, declared: set[str]) -> bool:
    return any(folder == mount or folder.startswith(f"{mount}/") for mount in declared)


def _is_token(volume: Json) -> bool:
    sources: list[dict[str, Any]] = volume.get("projected", {}).get("sources", [])
    return any("serviceAccountToken" in source for source in sources)
