"""Bad values get a sentence that names the value and the remedy, not a trace of templates."""

from __future__ import annotations

import re
from typing import Any

import helm_python
import pytest
import yaml

from tests.chart.rendering import default_values, render, values_of

# Values (over those of `minimal`), which one is at fault, and what the sentence says about the remedy.
_TABLE: tuple[tuple[str, str, str], ...] = (
    ("mongodb: {existingSecret: ''}", "mongodb.existingSecret", "dev.enabled"),
    ("rabbitmq: {existingSecret: ''}", "rabbitmq.existingSecret", "dev.enabled"),
    ("mongodb: {uri: 'mongodb://a'}", "mongodb.uri", "mongodb.existingSecret"),
    ("smtp: {uri: 'smtp://a'}", "smtp.uri", "smtp.existingSecret"),
    ("replicaCount: 3", "replicaCount", "not allowed"),
    ("gateway: {replica: 3}", "gateway", "replica"),
    ("api: {resource: {}}", "api", "resource"),
    ("services: {contract: {enabled: true}}", "services", "contract"),
    ("services: {identity: {enabled: false}}", "services.identity.enabled", "cannot do without"),
    ("services: {contact: {api: {keda: {enabled: true}}}}", "keda", "not allowed"),
    ("image: {tag: 1.0}", "image.tag", "string"),
    ("image: {digests: {contact: latest}}", "image.digests.contact", "sha256:"),
    ("image: {digests: {kontakt: 'sha256:00'}}", "image.digests", "kontakt"),
    ("image: {pullPolicy: Sometimes}", "image.pullPolicy", "IfNotPresent"),
    ("api: {replicas: -1}", "api.replicas", "minimum"),
    ("worker: {replicas: two}", "worker.replicas", "integer"),
    ("api: {threads: 1000}", "api.threads", "maximum"),
    ("logLevel: LOUD", "logLevel", "WARNING"),
    ("tracing: {ratio: 2}", "tracing.ratio", "maximum"),
    ("publicUrl: crm.example.com", "publicUrl", "https://"),
    ("databasePrefix: 'a b'", "databasePrefix", "pattern"),
    ("worker: {keda: {enabled: true}, autoscaling: {enabled: true}}", "worker.keda", "worker.autoscaling"),
    ("worker: {keda: {enabled: true, min: 0}}", "worker.keda.min", "1"),
    ("worker: {keda: {enabled: true, min: 5, max: 2}}", "worker.keda.max", "worker.keda.min"),
    ("api: {autoscaling: {enabled: true, min: 5, max: 2}}", "api.autoscaling.max", "api.autoscaling.min"),
    ("gateway: {podDisruptionBudget: {minAvailable: 2}}", "gateway.podDisruptionBudget", "minAvailable"),
    ("api: {drainSeconds: 60}", "api.terminationGracePeriodSeconds", "api.drainSeconds"),
    ("gateway: {drainSeconds: 45}", "gateway.terminationGracePeriodSeconds", "gateway.drainSeconds"),
    ("gateway: {service: {type: Ingress}}", "gateway.service.type", "LoadBalancer"),
    ("gateway: {corsOrigins: ['*']}", "gateway.corsOrigins", "https://"),
    ("defaults: {extraEnv: {A: b}}", "defaults.extraEnv", "array"),
    ("defaults: {extraEnv: [{value: b}]}", "defaults.extraEnv", "name"),
    ("ingress: {enabled: true}", "ingress.host", "crm.example.com"),
    ("httpRoute: {enabled: true}", "httpRoute.parentRefs", "name"),
    ("grpcRoute: {enabled: true}", "grpcRoute.parentRefs", "name"),
    ("tls: {internal: {enabled: true}}", "tls.internal.existingSecret", "tls.internal.certManager"),
    (
        "tls: {internal: {enabled: true, certManager: {enabled: true}}}",
        "tls.internal.certManager.issuerRef",
        "name",
    ),
    ("bootstrap: {tenant: 'Example Ltd'}", "bootstrap.tenant", "pattern"),
    ("bootstrap: {tenant: example}", "bootstrap.email", "address"),
    ("secrets: {create: false}", "signingKeys.existingSecret", "secrets.create"),
    (
        "{secrets: {create: false}, signingKeys: {existingSecret: a}, bootstrap: {tenant: a, email: a@example.com}}",
        "bootstrap.existingSecret",
        "secrets.create",
    ),
    ("global: {imagePullSecrets: mirror}", "global.imagePullSecrets", "array"),
)

_NOISE = (
    "<nil>",
    "nil pointer",
    "executing",
    "interface {}",
    "map[",
    "%!",
    "wrong type",
    "calling include",
    "goroutine",
)


@pytest.mark.parametrize(("change", "at_fault", "remedy"), _TABLE, ids=[row[0] for row in _TABLE])
def test_a_bad_value_is_refused_with_a_sentence(change: str, at_fault: str, remedy: str) -> None:
    told = _refusal(_over(values_of("minimal"), yaml.safe_load(change)))
    dotted = _dotted(told)
    assert at_fault in dotted
    assert remedy in dotted
    assert [word for word in _NOISE if word in told] == []
    assert len(told.splitlines()) <= 6, "an answer, not a trace"


def test_whoever_gives_no_values_at_all_is_told_both_ways_to_go_on() -> None:
    told = _refusal({})
    assert all(word in told for word in ("mongodb.existingSecret", "rabbitmq.existingSecret", "dev.enabled"))


@pytest.mark.parametrize("path", ["api", "worker", "gateway", "image", "dev", "networkPolicy", "defaults", "services"])
def test_a_whole_block_set_to_null_is_no_reason_for_a_trace(path: str) -> None:
    """`api:` with everything below it commented out is null."""
    told = _told({**values_of("minimal"), path: None})
    assert [word for word in _NOISE if word in told] == []
    assert not told or path in told


def test_every_default_is_a_value_that_the_schema_takes() -> None:
    assert render({**default_values(), **values_of("minimal")})


def _refusal(values: dict[str, Any]) -> str:
    told = _told(values)
    assert told, "nobody objected"
    return told


def _told(values: dict[str, Any]) -> str:
    """What Helm says against the values; empty when it takes them."""
    try:
        render(values)
    except helm_python.HelmError as refused:
        return str(refused)
    return ""


def _dotted(told: str) -> str:
    """The message with the paths of Helm's schema check as values' are written, `api.replicas`."""
    return re.sub(r"'/([\w/]+)'", lambda found: found[1].replace("/", "."), told)


def _over(values: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, value in change.items():
        inner = merged.get(key)
        merged[key] = _over(inner, value) if isinstance(value, dict) and isinstance(inner, dict) else value
    return merged
