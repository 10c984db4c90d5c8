"""One installation in the cluster of KUBECONFIG, which the tests share in a fixed order.

KUBECONFIG                   the cluster
IMAGE_LOAD                   the command that gives it images: `kind load docker-image`, `minikube image load`, …
KITH_BASE_IMAGE              what the images are built on, if not on the Dockerfile's own choice
KITH_CLUSTER_TAGS            `old,new`: tags that the cluster already has; nothing is built then
KITH_CLUSTER_MONGODB_IMAGE   the servers of the try-out, if not the chart's own choice
KITH_CLUSTER_RABBITMQ_IMAGE
NODE_STOP, NODE_START        commands that take a node's power away and give it back; the node's name is added
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import diagnosis, images
from tests.cluster.images import Tags
from tests.cluster.kubectl import Kubectl
from tests.cluster.release import Release
from tests.cluster.report import Report

HERE = Path(__file__).parent
NAMESPACE = "kith-cluster-test"
ORDER = (
    "test_install.py",
    "test_customer.py",
    "test_containment.py",
    "test_start.py",
    "test_elasticity.py",
    "test_kills.py",
    "test_nodes.py",
    "test_upgrade.py",
    "test_uninstall.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts these tests into the order in which they share the installation, or skips them all, saying why."""
    places = [place for place, item in enumerate(items) if item.path.is_relative_to(HERE)]
    ours = sorted((items[place] for place in places), key=lambda item: ORDER.index(item.path.name))
    for place, item in zip(places, ours, strict=True):
        items[place] = item
        if reason := _obstacle():
            item.add_marker(pytest.mark.skip(reason=reason))


def _obstacle() -> str:
    missing = [name for name in ("KUBECONFIG", "IMAGE_LOAD") if not os.environ.get(name)]
    if missing:
        return f"no cluster to test in: {' and '.join(missing)} not set (make cluster-test)"
    if "PYTEST_XDIST_WORKER" in os.environ:
        return "the tests share one installation, so they run in one process: make cluster-test"
    return ""


@pytest.fixture(scope="session")
def report() -> Report:
    return Report()


@pytest.fixture(scope="session")
def kubectl() -> Iterator[Kubectl]:
    """A namespace of our own, with restricted Pod Security, taken away at the end."""
    kubectl = Kubectl(NAMESPACE)
    kept = bool(os.environ.get("KITH_CLUSTER_KEEP"))
    if not kept:
        kubectl.delete("namespace", NAMESPACE)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}})
    yield kubectl
    if not kept:
        kubectl.delete("namespace", NAMESPACE)


@pytest.fixture(scope="session")
def tags() -> Tags:
    return images.made()


@pytest.fixture(scope="session")
def release(kubectl: Kubectl, tags: Tags, report: Report) -> Release:
    """Kith with its try-out servers, ready."""
    release = Release(kubectl, _settings())
    seconds = release.deploy("install", tag=tags.old)
    report.add("install", seconds_until_ready=seconds, pods=len(release.pods()))
    return release


def _settings() -> dict[str, str]:
    settings: dict[str, str] = {}
    for server in ("mongodb", "rabbitmq"):
        repository, _, tag = os.environ.get(f"KITH_CLUSTER_{server.upper()}_IMAGE", "").rpartition(":")
        if repository:
            settings |= {f"dev.{server}.image.repository": repository, f"dev.{server}.image.tag": tag}
    return settings


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """After a failure, keeps what an operator would look at."""
    outcome = yield
    if outcome.failed and item.path.is_relative_to(HERE):
        print(f"\n  see {diagnosis.keep(Kubectl(NAMESPACE), item.name)}")
    return outcome
