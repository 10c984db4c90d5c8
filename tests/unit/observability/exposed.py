"""What a process of Kith shows to Prometheus, read from one that has used every instrument."""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from services.chassis import telemetry


@dataclass(frozen=True)
class Settings:
    """Of a process that is scraped and exports nothing."""

    metrics_listen: str
    otlp_endpoint: str = ""
    traces_ratio: float = 1.0


def labels_by_metric() -> Mapping[str, frozenset[str]]:
    """The names of all samples, with the labels that each was seen with."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    running = telemetry.start("insight", "worker", Settings(listen))
    try:
        _use_everything()
        with urlopen(f"http://{listen}/metrics", timeout=20) as answer:
            return _read(answer.read().decode())
    finally:
        running.shutdown()


def _use_everything() -> None:
    with telemetry.RpcServerSpan("kith.contact.v1.ContactService/GetContact"):
        pass
    with telemetry.HttpServerSpan("GET") as request:
        request.route, request.status = "/v1/{name=contacts/*}", 200
    with suppress(ValueError), telemetry.ProcessSpan("insight.events.v1", "contact.created", ""):
        raise ValueError
    telemetry.SENT.add(1, ("contact.events",))
    telemetry.PARKED.add(1, ("insight.events.v1", "ValueError"))
    telemetry.RELAY_LAG.set(0.2)


def _read(text: str) -> Mapping[str, frozenset[str]]:
    seen: dict[str, set[str]] = defaultdict(set)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            seen[sample.name] |= sample.labels.keys()
    return {name: frozenset(labels) for name, labels in seen.items()}
