"""Jobs are ordinary objects that plain Helm and Argo CD replace: their names say what they run."""

from __future__ import annotations

import re
from typing import Any

import pytest

from services.chassis.settings import SERVICES
from tests.chart.rendering import Manifest, render, scenario_manifests, values_of
from tests.chart.workloads import of_kind

_HASHED = re.compile(r"kith-(?P<what>.*)-[0-9a-f]{8}")
_MIGRATIONS = {f"{service}-migrate" for service in SERVICES}


def test_every_service_is_migrated_by_a_job_of_its_own() -> None:
    assert set(_jobs({})) >= _MIGRATIONS


def test_a_new_image_makes_new_jobs() -> None:
    before, after = _names({}), _names({"image": {"tag": "9.9.9"}})
    assert before.keys() == after.keys()
    assert {what for what in before if before[what] == after[what]} == set()


def test_a_new_image_replaces_no_server_of_a_try_out() -> None:
    before, after = ([one["spec"]["template"] for one in _servers(tag)] for tag in ("9.9.8", "9.9.9"))
    assert len(before) == 2
    assert before == after


def test_what_does_not_concern_the_jobs_leaves_their_names() -> None:
    scaled = {"replicas": 4, "drainSeconds": 5, "podLabels": {"a": "b"}}
    change = {"api": scaled, "gateway": scaled, "worker": {"replicas": 4}, "publicUrl": "https://crm.example.com"}
    assert _names(change) == _names({})


@pytest.mark.parametrize(
    "change", [{"mongodb": {"existingSecret": "another"}}, {"databasePrefix": "another_"}], ids=", ".join
)
def test_migrations_run_again_where_they_have_another_database(change: dict[str, Any]) -> None:
    before, after = _names({}), _names(change)
    assert {what for what in before if before[what] != after[what]} >= _MIGRATIONS


@pytest.mark.parametrize(
    "change",
    [
        {"image": {"tag": "9.9.9"}, "logLevel": "DEBUG", "tracing": {"endpoint": "http://collector:4318"}},
        {"migrate": {"resources": {"requests": {"cpu": "1"}}}, "secrets": {"resources": {"requests": {"cpu": "1"}}}},
        {
            "defaults": {
                "extraEnv": [{"name": "A", "value": "b"}],
                "podLabels": {"a": "b"},
                "podAnnotations": {"a": "b"},
            }
        },
        {"commonLabels": {"a": "b"}, "commonAnnotations": {"a": "b"}, "jobs": {"backoffLimit": 1}},
    ],
    ids=", ".join,
)
def test_a_job_whose_pods_change_has_another_name(change: dict[str, Any]) -> None:
    """Kubernetes refuses to change the pods of a Job, so an upgrade that kept its name would fail."""
    before = {job["metadata"]["name"]: job["spec"]["template"] for job in _jobs({}).values()}
    for job in _jobs(change).values():
        assert before.get(job["metadata"]["name"], job["spec"]["template"]) == job["spec"]["template"]


def _names(change: dict[str, Any]) -> dict[str, str]:
    """The name of each Job by what it does."""
    return {what: job["metadata"]["name"] for what, job in _jobs(change).items()}


def _servers(tag: str) -> list[Manifest]:
    """MongoDB and RabbitMQ of a try-out with images of a tag."""
    return list(of_kind(render({**values_of("dev"), "image": {"tag": tag}}), "StatefulSet"))


def _jobs(change: dict[str, Any]) -> dict[str, Manifest]:
    """Each Job by what it does."""
    manifests = render({**values_of("minimal"), **change}) if change else scenario_manifests("minimal")
    jobs = {job["metadata"]["name"]: job for job in of_kind(manifests, "Job")}
    return {found["what"]: job for name, job in jobs.items() if (found := _HASHED.fullmatch(name))}
