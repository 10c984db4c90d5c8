"""Who may talk to whom, worked out from rendered NetworkPolicies as a cluster would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tests.chart.rendering import Manifest
from tests.chart.workloads import Workload, fits, of_kind, workloads


class Path(NamedTuple):
    """One component may open connections to a port of another one."""

    client: str
    server: str
    port: int | str


def inner_paths(manifests: Iterable[Manifest]) -> set[Path]:
    """All connections between Kith's own pods that both ends allow, to ports that the server's pods name."""
    manifests = list(manifests)
    policies, pods = list(of_kind(manifests, "NetworkPolicy")), workloads(manifests)
    return {
        Path(client.component, server.component, port)
        for client in pods
        for server in pods
        for name, port in server.ports.items()
        if _allows(policies, client, "Egress", server, {name, port})
        and _allows(policies, server, "Ingress", client, {name, port})
    }


def ways_out(manifests: Iterable[Manifest]) -> dict[str, set[str]]:
    """The ports at which each component may reach what is not Kith's: other namespaces and the world.

    A port is told as `53/UDP`, or as `any`.
    """
    manifests = list(manifests)
    policies = list(of_kind(manifests, "NetworkPolicy"))
    return {pod.component: set(_outward(policies, pod, "Egress")) for pod in workloads(manifests)}


def ways_in(manifests: Iterable[Manifest]) -> dict[str, set[str]]:
    """The ports at which each component may be reached by what is not Kith's, told as by `ways_out`."""
    manifests = list(manifests)
    policies = list(of_kind(manifests, "NetworkPolicy"))
    return {pod.component: set(_outward(policies, pod, "Ingress")) for pod in workloads(manifests)}


def selecting(manifests: Iterable[Manifest], pod: Workload) -> set[str]:
    """The directions in which a pod is closed but for what policies allow."""
    policies = list(of_kind(manifests, "NetworkPolicy"))
    return {direction for policy in _governing(policies, pod) for direction in policy["spec"]["policyTypes"]}


def _governing(policies: list[Manifest], pod: Workload) -> Iterator[Manifest]:
    return (policy for policy in policies if fits(policy["spec"]["podSelector"], pod.labels))


def _rules(policies: list[Manifest], pod: Workload, direction: str) -> Iterator[dict[str, Any]]:
    for policy in _governing(policies, pod):
        if direction in policy["spec"]["policyTypes"]:
            yield from policy["spec"].get(direction.lower()) or []


def _allows(policies: list[Manifest], pod: Workload, direction: str, other: Workload, ports: set[str | int]) -> bool:
    """Whether a pod that is closed in a direction is open to another one; without policies everything is open."""
    if not any(direction in policy["spec"]["policyTypes"] for policy in _governing(policies, pod)):
        return True
    return any(
        _at(rule, ports) and (not (peers := _peers(rule, direction)) or any(_is(peer, other) for peer in peers))
        for rule in _rules(policies, pod, direction)
    )


def _peers(rule: dict[str, Any], direction: str) -> list[dict[str, Any]]:
    return rule.get("to" if direction == "Egress" else "from") or []


def _is(peer: dict[str, Any], other: Workload) -> bool:
    """Whether a peer means a pod of the same namespace by its labels; blocks of addresses are for what is outside."""
    return set(peer) == {"podSelector"} and fits(peer["podSelector"], other.labels)


def _at(rule: dict[str, Any], ports: set[str | int]) -> bool:
    named = rule.get("ports") or []
    return not named or any(port.get("port") in ports and port.get("protocol", "TCP") == "TCP" for port in named)


def _outward(policies: list[Manifest], pod: Workload, direction: str) -> Iterator[str]:
    if direction not in {kind for policy in _governing(policies, pod) for kind in policy["spec"]["policyTypes"]}:
        yield "any"
    for rule in _rules(policies, pod, direction):
        peers = _peers(rule, direction)
        if not peers or any(set(peer) != {"podSelector"} for peer in peers):
            yield from (f"{port['port']}/{port.get('protocol', 'TCP')}" for port in rule.get("ports") or [])
            if not rule.get("ports"):
                yield "any"
