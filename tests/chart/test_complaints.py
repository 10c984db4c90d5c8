"""What platform teams complain about in other charts, each with the test that shows how this one answers.

The chart's README has the table; `test_readme.py` holds it to the names here.
"""

from __future__ import annotations

import re

import pytest

from cli.running import ROOT
from tests.chart.rendering import CHART, Manifest, render, scenario_manifests, values_of
from tests.chart.workloads import Workload, of_kind, workloads

_SCALERS = ("HorizontalPodAutoscaler", "ScaledObject")


def test_no_image_comes_out_of_somebody_elses_catalogue() -> None:
    """Bundled images vanish. Only `dev.enabled` and `jaeger.enabled` bring any that are not Kith's."""
    for scenario in ("minimal", "ha", "keda", "gitops"):
        images = {container["image"] for pod in workloads(scenario_manifests(scenario)) for container in pod.containers}
        assert {image for image in images if "/kith-" not in image} == set(), scenario


def test_every_image_can_be_replaced_by_a_mirrors_one() -> None:
    values = values_of("everything")
    values.setdefault("global", {})["imageRegistry"] = "mirror.example.com:5000"
    values.setdefault("dev", {})["enabled"] = True
    images = {container["image"] for pod in workloads(render(values)) for container in pod.containers}
    assert {image for image in images if not image.startswith("mirror.example.com:5000/")} == set()


def test_every_pod_pulls_with_the_pull_secrets_that_are_given() -> None:
    for pod in workloads(scenario_manifests("air-gapped")):
        assert pod.pod["imagePullSecrets"] == [{"name": "mirror"}], pod.name


def test_images_may_be_named_by_their_digest() -> None:
    images = {container["image"] for pod in workloads(scenario_manifests("air-gapped")) for container in pod.containers}
    assert {image for image in images if not re.fullmatch(r"[^@]+@sha256:[0-9a-f]{64}", image)} == set()


def test_rendering_again_changes_nothing(scenario: str) -> None:
    """GitOps renders on every look; a secret that was generated then would rotate."""
    if scenario == "subchart":
        pytest.skip("rendered by its parent; the chart's templates are the same")
    assert render(values_of(scenario), upgrade=True) == list(scenario_manifests(scenario))


def test_no_template_makes_up_or_looks_up_anything() -> None:
    invented = re.compile(r"\b(rand\w+|genCA\w*|gen\w+Cert\w*|genPrivateKey|uuidv4|lookup|now|htpasswd|bcrypt)\b")
    for template in (CHART / "templates").rglob("*"):
        if template.is_file():
            actions = "\n".join(re.findall(r"\{\{(?!-?\s*/\*).*?\}\}", template.read_text(), re.DOTALL))
            assert not invented.search(actions), template.name


def test_no_secret_is_rendered_so_that_none_can_rotate(manifests: tuple[Manifest, ...]) -> None:
    assert [each["metadata"]["name"] for each in of_kind(manifests, "Secret")] == []


def test_nothing_is_a_hook_but_the_test(manifests: tuple[Manifest, ...]) -> None:
    """A hook runs before the ConfigMaps and accounts that it needs, and under Argo CD at another time."""
    hooked = {
        each["metadata"]["name"]: each["metadata"].get("annotations", {}).get("helm.sh/hook") for each in manifests
    }
    assert {hook for hook in hooked.values() if hook} <= {"test"}
    assert not any("argocd.argoproj.io/hook" in each["metadata"].get("annotations", {}) for each in manifests)


def test_the_chart_works_inside_of_another_one_that_has_globals_of_its_own() -> None:
    manifests = scenario_manifests("subchart")
    assert values_of("subchart")["global"].keys() - {"imageRegistry", "imagePullSecrets", "storageClass"}
    assert {pod.component for pod in workloads(manifests)} >= {"gateway", "contact-api", "contact-worker"}
    images = {container["image"] for pod in workloads(manifests) for container in pod.containers}
    assert all(image.startswith("registry.example.com/") for image in images), "global.imageRegistry reaches a subchart"


def test_no_user_or_group_is_fixed(scenario: str, running: list[Workload]) -> None:
    """OpenShift gives each namespace a range of its own and refuses others.

    A try-out's MongoDB and RabbitMQ are the exception: their images name no user, so a plain cluster would run them as
    root. There the values are null-able, as the scenario `openshift` shows.
    """
    fixed = {"runAsUser", "runAsGroup", "fsGroup", "supplementalGroups"}
    for pod in running:
        if scenario != "openshift" and pod.component in ("mongodb", "rabbitmq"):
            continue
        contexts = [pod.pod.get("securityContext", {}), *(each.get("securityContext", {}) for each in pod.containers)]
        assert {field for context in contexts for field in context} & fixed == set(), pod.name


def test_a_variable_of_the_users_replaces_the_charts_own() -> None:
    """A name that stands twice is an error for Helm 4, and a gamble before."""
    values = values_of("minimal")
    extra = [
        {"name": "LOG_LEVEL", "value": "DEBUG"},
        {"name": "KITH_THREADS", "value": "3"},
        {"name": "A", "value": "b"},
    ]
    for part in ("api", "worker", "gateway", "cli"):
        values[part] = {"extraEnv": extra}
    for pod in (pod for pod in workloads(render(values)) if pod.kind == "Deployment"):
        for entry in extra:
            found = [each for each in pod.containers[0]["env"] if each["name"] == entry["name"]]
            assert found == [entry], pod.name


def test_a_services_own_variables_are_merged_over_those_of_all() -> None:
    values = values_of("minimal")
    values["api"] = {"extraEnv": [{"name": "A", "value": "all"}, {"name": "B", "value": "all"}]}
    values["services"] = {"contact": {"api": {"extraEnv": [{"name": "B", "value": "contact"}]}}}
    environment = {pod.name: pod.environment for pod in workloads(render(values))}
    assert [environment["kith-contact-api"][name] for name in "AB"] == ["all", "contact"]
    assert [environment["kith-sales-api"][name] for name in "AB"] == ["all", "all"]


def test_routes_of_the_gateway_api_are_there_beside_the_ingress() -> None:
    kinds = {manifest["kind"] for manifest in scenario_manifests("everything")}
    assert {"Ingress", "HTTPRoute", "GRPCRoute"} <= kinds


def test_replicas_are_left_to_the_scaler_where_there_is_one(
    manifests: tuple[Manifest, ...], running: list[Workload]
) -> None:
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in of_kind(manifests, *_SCALERS)}
    for pod in (pod for pod in running if pod.kind == "Deployment"):
        assert ("replicas" in pod.manifest["spec"]) is (pod.name not in scaled), pod.name


def test_no_workload_is_scaled_by_two_scalers(manifests: tuple[Manifest, ...]) -> None:
    scaled = [each["spec"]["scaleTargetRef"]["name"] for each in of_kind(manifests, *_SCALERS)]
    assert sorted(set(scaled)) == sorted(scaled)


def test_liveness_asks_nothing_that_touches_a_database(running: list[Workload]) -> None:
    """An api's `live`, a worker's /livez and the gateway's /healthz answer as long as the process runs."""
    for pod in (pod for pod in running if pod.component.endswith(("-api", "-worker")) or pod.component == "gateway"):
        for probe in filter(None, (pod.containers[0].get("livenessProbe"), pod.containers[0].get("startupProbe"))):
            if pod.component.endswith("-api"):
                assert (probe["grpc"]["service"], probe["grpc"]["port"]) == ("live", 50052), pod.name
            else:
                path = "/healthz" if pod.component == "gateway" else "/livez"
                assert probe["httpGet"]["path"] == path, pod.name


def test_readiness_is_asked_of_everything_that_serves(running: list[Workload]) -> None:
    for pod in (pod for pod in running if pod.component.endswith(("-api", "-worker")) or pod.component == "gateway"):
        probe = pod.containers[0]["readinessProbe"]
        if pod.component.endswith("-api"):
            assert probe["grpc"].get("service", "") == "", pod.name
        else:
            assert probe["httpGet"]["path"] == "/readyz", pod.name


def test_every_process_is_scraped_and_alerts_and_dashboards_come_along() -> None:
    manifests = scenario_manifests("everything")
    metered = [pod for pod in workloads(manifests) if pod.environment.get("KITH_METRICS_LISTEN")]
    assert {pod.component for pod in metered} >= {"gateway", "contact-api", "contact-worker"}
    assert all(pod.ports["metrics"] == 9464 for pod in metered)
    kinds = {manifest["kind"] for manifest in manifests}
    assert {"PodMonitor", "PrometheusRule"} <= kinds
    assert "ServiceMonitor" in {manifest["kind"] for manifest in scenario_manifests("ha")}, "for who has no PodMonitor"
    dashboards = [each for each in of_kind(manifests, "ConfigMap") if "grafana_dashboard" in each["metadata"]["labels"]]
    assert dashboards


def test_how_images_are_signed_and_verified_is_written_down() -> None:
    told = (ROOT / "docs" / "images.md").read_text()
    assert all(word in told for word in ("cosign", "digest", "CycloneDX"))
