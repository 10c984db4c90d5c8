"""How requests come in: services, Ingress, HTTPRoute, GRPCRoute, and TLS inside."""

from __future__ import annotations

from services.chassis import protos
from services.chassis.settings import SERVICES
from tests.chart.rendering import scenario_manifests
from tests.chart.workloads import of_kind, workloads


def test_apis_are_found_pod_by_pod_so_that_clients_balance() -> None:
    services = {each["metadata"]["name"]: each["spec"] for each in of_kind(scenario_manifests("minimal"), "Service")}
    for service in SERVICES:
        assert services[f"kith-{service}-api"]["clusterIP"] == "None"
        assert services[f"kith-{service}-api"]["ports"][0]["port"] == 50051


def test_every_process_that_calls_an_api_is_told_its_headless_service() -> None:
    for pod in workloads(scenario_manifests("minimal")):
        for name, address in pod.environment.items():
            if name.startswith("KITH_") and name.endswith("_ADDRESS"):
                service = name.removeprefix("KITH_").removesuffix("_ADDRESS").lower()
                assert address.startswith(f"dns:///kith-{service}-api"), (pod.name, name)
                assert address.endswith(":50051"), (pod.name, name)


def test_grpc_routes_name_every_grpc_service_of_the_protos_at_the_api_that_serves_it() -> None:
    routed: dict[str, str] = {}
    for route in of_kind(scenario_manifests("everything"), "GRPCRoute"):
        for rule in route["spec"]["rules"]:
            for match in rule["matches"]:
                assert match["method"].get("type", "Exact") == "Exact"
                routed[match["method"]["service"]] = rule["backendRefs"][0]["name"]
    declared = {
        service.full_name: f"kith-{protos.process(service)}-api"
        for service in protos.services()
        if protos.process(service) in SERVICES
    }
    assert routed == declared


def test_routes_and_ingress_lead_to_services_and_ports_that_there_are() -> None:
    manifests = scenario_manifests("everything")
    services = {each["metadata"]["name"]: each["spec"]["ports"] for each in of_kind(manifests, "Service")}
    known = {(name, value) for name, ports in services.items() for port in ports for value in port.values()}
    for route in of_kind(manifests, "HTTPRoute", "GRPCRoute"):
        for rule in route["spec"]["rules"]:
            for backend in rule["backendRefs"]:
                assert (backend["name"], backend["port"]) in known
    for ingress in of_kind(manifests, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                assert (service["name"], *service["port"].values()) in known


def test_with_tls_inside_every_api_and_its_callers_have_certificates() -> None:
    manifests = scenario_manifests("everything")
    certified = {pod.component for pod in workloads(manifests) if "KITH_TLS_CERT_FILE" in pod.environment}
    assert certified >= {"gateway", *(f"{service}-api" for service in SERVICES)}
    issued = {each["spec"]["secretName"] for each in of_kind(manifests, "Certificate")}
    for pod in workloads(manifests):
        if pod.component in certified:
            mounted = {each["secret"]["secretName"] for each in pod.pod["volumes"] if "secret" in each}
            assert mounted & issued, pod.name
            files = [pod.environment[f"KITH_TLS_{part}_FILE"] for part in ("CERT", "KEY", "CA")]
            mounts = [mount["mountPath"] for mount in pod.containers[0]["volumeMounts"]]
            assert all(any(file.startswith(f"{path}/") for path in mounts) for file in files), pod.name


def test_certificates_name_the_hosts_that_their_clients_dial() -> None:
    manifests = scenario_manifests("everything")
    names = {name for each in of_kind(manifests, "Certificate") for name in each["spec"].get("dnsNames", [])}
    for pod in workloads(manifests):
        for variable, address in pod.environment.items():
            if variable.startswith("KITH_") and variable.endswith("_ADDRESS"):
                host = address.removeprefix("dns:///").rpartition(":")[0]
                wildcard = f"*.{host.partition('.')[2]}"
                assert host in names or wildcard in names, (pod.name, host)
