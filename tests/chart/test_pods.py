"""What holds for every pod of every scenario."""

from __future__ import annotations

from collections import Counter

import pytest

from gateway import settings as gateway_settings
from services.chassis import settings as chassis_settings
from tests.chart.pod_security import violations
from tests.chart.rendering import LONGEST_RELEASE, SCENARIOS, Manifest, scenario_manifests
from tests.chart.workloads import Workload, fits, of_kind, workloads


def test_every_pod_is_let_in_where_restricted_pod_security_is_enforced(running: list[Workload]) -> None:
    found = {pod.name: violations(pod.pod) for pod in running}
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_every_root_file_system_is_read_only(running: list[Workload]) -> None:
    for pod in running:
        for container in pod.containers:
            assert container["securityContext"].get("readOnlyRootFilesystem") is True, pod.name


def test_every_pod_of_kith_may_write_to_its_own_tmp(running: list[Workload]) -> None:
    for pod in running:
        empty = {volume["name"] for volume in pod.pod.get("volumes", []) if "emptyDir" in volume}
        for container in pod.containers:
            mounted = {mount["mountPath"] for mount in container.get("volumeMounts", []) if mount["name"] in empty}
            assert "/tmp" in mounted, pod.name


def test_only_the_job_that_makes_secrets_holds_a_token_of_the_cluster(running: list[Workload]) -> None:
    holders = {pod.component for pod in running if pod.pod.get("automountServiceAccountToken") is not False}
    assert holders <= {"secrets"}


def test_only_that_job_may_do_anything_in_the_cluster(manifests: tuple[Manifest, ...], running: list[Workload]) -> None:
    accounts = {pod.pod["serviceAccountName"] for pod in running if pod.component == "secrets"}
    for binding in of_kind(manifests, "RoleBinding"):
        assert {subject["name"] for subject in binding["subjects"]} <= accounts
    assert list(of_kind(manifests, "ClusterRole", "ClusterRoleBinding")) == []


def test_that_job_may_only_look_for_and_create_secrets(manifests: tuple[Manifest, ...]) -> None:
    for role in of_kind(manifests, "Role"):
        for rule in role["rules"]:
            assert rule["resources"] == ["secrets"]
            assert set(rule["verbs"]) <= {"get", "create", "delete", "patch"}
            assert rule["verbs"] == ["create"] or rule["resourceNames"], "reads only secrets that it names"


def test_every_service_account_that_a_pod_names_is_made_and_mounts_nothing_by_itself(
    manifests: tuple[Manifest, ...], running: list[Workload]
) -> None:
    made = {each["metadata"]["name"]: each for each in of_kind(manifests, "ServiceAccount")}
    assert {pod.pod["serviceAccountName"] for pod in running} <= set(made)
    assert all(account.get("automountServiceAccountToken") is False for account in made.values())


def test_every_container_asks_for_what_it_needs_and_is_bounded_in_memory(running: list[Workload]) -> None:
    for pod in running:
        for container in pod.containers:
            resources = container["resources"]
            assert {"cpu", "memory"} <= set(resources["requests"]), pod.name
            assert "memory" in resources["limits"], pod.name


def test_a_controllers_selector_means_its_own_pods_and_no_others(running: list[Workload]) -> None:
    controllers = [pod for pod in running if pod.selector]
    assert controllers
    for controller in controllers:
        meant = [pod.name for pod in running if fits({"matchLabels": controller.selector}, pod.labels)]
        assert meant == [controller.name]


def test_a_services_selector_means_pods_of_one_kind_which_open_the_ports_it_names(
    manifests: tuple[Manifest, ...], running: list[Workload]
) -> None:
    services = list(of_kind(manifests, "Service"))
    assert services
    for service in services:
        meant = [pod for pod in running if fits({"matchLabels": service["spec"]["selector"]}, pod.labels)]
        assert len(meant) == 1, service["metadata"]["name"]
        for port in service["spec"]["ports"]:
            opened = meant[0].ports
            assert port.get("targetPort", port["port"]) in {*opened, *opened.values()}, service["metadata"]["name"]


def test_every_probe_asks_a_port_that_its_container_opens(running: list[Workload]) -> None:
    for pod in running:
        for container in pod.containers:
            opened = {value for port in container.get("ports", []) for value in (port["name"], port["containerPort"])}
            for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
                for how in ("grpc", "httpGet", "tcpSocket"):
                    if how in container.get(kind, {}):
                        assert container[kind][how]["port"] in opened, (pod.name, kind)


def test_everything_that_serves_says_whether_it_lives_and_whether_it_is_ready(running: list[Workload]) -> None:
    for pod in running:
        if pod.containers[0].get("ports"):
            assert {"livenessProbe", "readinessProbe"} <= set(pod.containers[0]), pod.name


def test_every_variable_is_set_once(running: list[Workload]) -> None:
    for pod in running:
        for container in pod.containers:
            names = Counter(entry["name"] for entry in container.get("env", []))
            assert [name for name, count in names.items() if count > 1] == [], pod.name


def test_every_variable_is_one_that_a_process_reads(running: list[Workload]) -> None:
    """A typo in a name would be a setting without effect."""
    known = _settings_read()
    for pod in running:
        names = {entry["name"] for container in pod.containers for entry in container.get("env", [])}
        of_kith = {name for name in names if name.startswith("KITH_") or name.endswith("_URI")}
        assert of_kith <= known, pod.name


def test_every_mount_has_its_volume_and_every_volume_its_mount(running: list[Workload]) -> None:
    for pod in running:
        volumes = {volume["name"] for volume in pod.pod.get("volumes", [])}
        volumes |= {claim["metadata"]["name"] for claim in pod.manifest["spec"].get("volumeClaimTemplates", [])}
        mounts = {mount["name"] for container in pod.containers for mount in container.get("volumeMounts", [])}
        assert mounts == volumes, pod.name


def test_every_config_map_that_a_pod_mounts_is_made(manifests: tuple[Manifest, ...], running: list[Workload]) -> None:
    made = {each["metadata"]["name"] for each in of_kind(manifests, "ConfigMap")}
    for pod in running:
        named = {volume["configMap"]["name"] for volume in pod.pod.get("volumes", []) if "configMap" in volume}
        named -= {"kith-extra"}  # the scenario `everything` mounts one of the user's own
        assert named <= made, pod.name


def test_every_object_carries_the_labels_that_kubernetes_recommends(
    scenario: str, manifests: tuple[Manifest, ...]
) -> None:
    name = "crm" if scenario == "subchart" else "kith"  # there it has another name: the alias of the dependency
    for manifest in manifests:
        labels = manifest["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == name
        assert labels["app.kubernetes.io/part-of"] == "kith"
        assert {"app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "helm.sh/chart"} <= set(labels)


@pytest.mark.parametrize("name", SCENARIOS)
def test_names_and_labels_fit_also_when_the_release_has_a_long_name(name: str) -> None:
    rendered = scenario_manifests(name, LONGEST_RELEASE)
    names = [manifest["metadata"]["name"] for manifest in rendered]
    labels = [value for manifest in rendered for value in manifest["metadata"]["labels"].values()]
    assert [each for each in names if len(each) > 63] == []
    assert [each for each in labels if len(each) > 63] == []
    places = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in rendered]
    assert len(set(places)) == len(places), "cut names must still differ"
    assert workloads(rendered)


def _settings_read() -> set[str]:
    read = _Recorder()
    gateway_settings.from_environment(read)
    chassis_settings.from_environment(read)
    return read.asked


class _Recorder(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__(KITH_LISTEN="127.0.0.1:0")
        self.asked: set[str] = set()

    def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
        self.asked.add(key)
        return super().get(key, default)
