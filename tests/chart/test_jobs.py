"""Jobs are ordinary objects that plain Helm and Argo CD replace: their names say what they run."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from services.chassis.settings import SERVICES
from tests.chart.rendering import Manifest, render, values_of
from tests.chart.workloads import of_kind, workloads

_HASHED = re.compile(r"kith-(?P<what>.*)-[0-9a-f]{6,16}")


def test_every_service_is_migrated_by_a_job_of_its_own() -> None:
    assert {f"{service}-migrate" for service in SERVICES} <= set(_jobs({}))


def test_a_new_image_makes_new_jobs() -> None:
    before, after = _jobs({}), _jobs({"image": {"tag": "9.9.9"}})
    assert {what for what in before if before[what] == after[what]} == set()


@pytest.mark.parametrize(
    "change",
    [
        {"api": {"replicas": 4}},
        {"gateway": {"replicas": 4}},
        {"publicUrl": "https://crm.example.com"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_does_not_concern_the_jobs_leaves_their_names(change: dict[str, Any]) -> None:
    assert _jobs(change) == _jobs({})


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values["mongodb"].update(existingSecret="another"),
        lambda values: values.update(databasePrefix="another_"),
    ],
    ids=["mongodb", "databasePrefix"],
)
def test_migrations_run_again_where_they_have_another_database(change: Callable[[dict[str, Any]], None]) -> None:
    values = values_of("minimal")
    change(values)
    after = _names(values)
    for service in SERVICES:
        assert after[f"{service}-migrate"] != _jobs({})[f"{service}-migrate"]


@pytest.mark.parametrize(
    "change",
    [
        {"image": {"tag": "9.9.9"}},
        {"logLevel": "DEBUG"},
        {"tracing": {"endpoint": "http://collector:4318"}},
        {"migrate": {"resources": {"requests": {"cpu": "1"}}}},
        {"defaults": {"extraEnv": [{"name": "A", "value": "b"}], "podLabels": {"a": "b"}, "nodeSelector": {"a": "b"}}},
        {"commonLabels": {"a": "b"}, "commonAnnotations": {"a": "b"}},
        {"jobs": {"backoffLimit": 1}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_job_whose_pods_change_has_another_name(change: dict[str, Any]) -> None:
    """Kubernetes refuses to change the pods of a Job, so an upgrade that kept its name would fail."""
    before = {job["metadata"]["name"]: job["spec"]["template"] for job in _rendered({})}
    for job in _rendered(change):
        assert before.get(job["metadata"]["name"], job["spec"]["template"]) == job["spec"]["template"]


def _rendered(change: dict[str, Any]) -> list[Manifest]:
    return list(of_kind(render({**values_of("minimal"), **change}), "Job"))


def _jobs(change: dict[str, Any]) -> dict[str, str]:
    return _names({**values_of("minimal"), **change})


def _names(values: dict[str, Any]) -> dict[str, str]:
    """The name of each Job by what it does."""
    jobs = [pod.name for pod in workloads(render(values)) if pod.kind == "Job"]
    return {found["what"]: name for name in jobs if (found := _HASHED.fullmatch(name))}
