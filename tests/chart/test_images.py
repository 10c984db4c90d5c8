"""Images are named in one way, so that registry, tag, digest and pull secrets reach all of them."""

from __future__ import annotations

from typing import Any

import pytest

from services.chassis.settings import SERVICES
from tests.chart.rendering import render, values_of
from tests.chart.workloads import workloads


def test_every_part_runs_the_image_of_its_target() -> None:
    images = _images({})
    for service in SERVICES:
        for part in ("api", "worker", "migrate"):
            assert f"/kith-{service}:" in images[f"{service}-{part}"]
    assert "/kith-gateway:" in images["gateway"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"registry": "registry.example.com/crm"}, "registry.example.com/crm/kith-gateway:0.1.0"),
        ({"registry": ""}, "kith-gateway:0.1.0"),
        ({"prefix": "crm-"}, "localhost/crm-gateway:0.1.0"),
        ({"tag": "1.2.3"}, "localhost/kith-gateway:1.2.3"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_registry_prefix_and_tag_make_the_name(change: dict[str, str], expected: str) -> None:
    assert _images({"image": change})["gateway"] == expected


def test_the_globals_registry_wins_over_the_charts() -> None:
    change = {"global": {"imageRegistry": "mirror.example.com"}, "image": {"registry": "registry.example.com"}}
    assert _images(change)["gateway"].startswith("mirror.example.com/")


def test_one_workload_may_run_another_image_than_its_service() -> None:
    change: dict[str, Any] = {"services": {"contact": {"worker": {"image": {"tag": "fix"}}}}}
    images = _images(change)
    assert images["contact-worker"].endswith(":fix")
    assert images["contact-api"].endswith(":0.1.0")


def test_a_digest_wins_over_a_tag() -> None:
    digest = f"sha256:{'0' * 64}"
    images = _images({"gateway": {"image": {"tag": "1.2.3", "digest": digest}}})
    assert images["gateway"].endswith(f"@{digest}")


def test_pull_secrets_of_all_charts_and_of_this_one_are_given_once_each() -> None:
    values = values_of("minimal")
    values |= {"global": {"imagePullSecrets": ["a", "b"]}, "image": {"pullSecrets": ["b", "c"]}}
    for pod in workloads(render(values)):
        assert [each["name"] for each in pod.pod["imagePullSecrets"]] == ["a", "b", "c"], pod.name


def _images(change: dict[str, Any]) -> dict[str, str]:
    return {pod.component: pod.containers[0]["image"] for pod in workloads(render({**values_of("minimal"), **change}))}
