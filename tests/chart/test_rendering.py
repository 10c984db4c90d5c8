"""Helm renders and lints every scenario, and what it renders is what Kubernetes takes."""

from __future__ import annotations

import json
from functools import cache

import pytest

from tests.chart import api_schemas, golden
from tests.chart.rendering import SCENARIOS, Manifest, complaints_of_lint, scenario_manifests, scenario_notes, values_of

VERSIONS = (api_schemas.OLDEST, api_schemas.TESTED, api_schemas.NEWEST)
NAMED = {"minimal", "dev", "ha", "keda", "openshift", "gitops", "subchart", "air-gapped", "everything"}


def test_every_way_of_installing_that_the_documents_name_is_a_scenario() -> None:
    assert set(SCENARIOS) >= NAMED


def test_the_strict_lint_has_nothing_to_complain_about(scenario: str) -> None:
    assert complaints_of_lint(values_of(scenario)) == []


def test_kubernetes_knows_every_field_of_its_own_kinds(manifests: tuple[Manifest, ...]) -> None:
    own = [manifest for manifest in manifests if not api_schemas.is_custom(manifest)]
    found = {(_named(each), version): _faults(json.dumps(each), version) for each in own for version in VERSIONS}
    assert own
    assert {place: faults for place, faults in found.items() if faults} == {}


def test_the_definitions_of_custom_resources_know_every_field(manifests: tuple[Manifest, ...]) -> None:
    custom = [manifest for manifest in manifests if api_schemas.is_custom(manifest)]
    found = {_named(manifest): api_schemas.custom_faults(manifest) for manifest in custom}
    assert {place: faults for place, faults in found.items() if faults} == {}


def test_the_scenarios_together_render_every_custom_resource_that_the_chart_has() -> None:
    everything = (manifest for scenario in SCENARIOS for manifest in scenario_manifests(scenario))
    assert {manifest["kind"] for manifest in everything if api_schemas.is_custom(manifest)} == {
        *("ScaledObject", "TriggerAuthentication", "HTTPRoute", "GRPCRoute", "Certificate"),
        *("ServiceMonitor", "PodMonitor", "PrometheusRule"),
    }


def test_an_unknown_field_would_be_found() -> None:
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"prots": []}}
    assert api_schemas.faults(wrong, api_schemas.TESTED)


def test_a_variable_that_stands_twice_would_be_found() -> None:
    twice = [{"name": "LOG_LEVEL", "value": level} for level in ("INFO", "DEBUG")]
    pod = {"containers": [{"name": "api", "image": "a", "env": twice}]}
    wrong = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": pod}
    assert api_schemas.faults(wrong, api_schemas.TESTED) == ["spec.containers.0.env: LOG_LEVEL stands twice"]


def test_an_unknown_field_of_a_custom_resource_would_be_found() -> None:
    spec = {"scaleTargetRef": {"name": "a"}, "triggers": [], "minimum": 1}
    wrong = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "a"}, "spec": spec}
    assert [fault for fault in api_schemas.custom_faults(wrong) if "minimum" in fault]


def test_no_object_stands_twice(manifests: tuple[Manifest, ...]) -> None:
    places = [(manifest["apiVersion"], *_named(manifest)) for manifest in manifests]
    assert sorted(set(places)) == sorted(places)


@pytest.mark.parametrize("kept", golden.KEPT)
def test_what_a_scenario_renders_is_what_was_reviewed(kept: str) -> None:
    reviewed = golden.file_of(kept).read_text()
    assert golden.golden(kept) == reviewed, "changed on purpose? `python -m tests.chart.golden`, and review the diff"


def test_the_notes_say_what_comes_next(scenario: str) -> None:
    told = scenario_notes(scenario)
    assert "helm test" in told
    assert "port-forward" in told or "http" in told


def _named(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


@cache
def _faults(manifest: str, version: str) -> list[str]:
    """Many objects are the same in several scenarios, and looked at once."""
    return api_schemas.faults(json.loads(manifest), version)
