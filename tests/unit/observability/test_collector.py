"""The collector's configuration, rendered by Helm's own engine: where it hands on what Kith sends."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import helm_python
import pytest
from ruamel.yaml import YAML

from tests.unit.observability import rules

_TEMPLATE = '{{ define "kith.fullname" }}crm-kith{{ end }}{{ tpl (.Files.Get "collector.yaml") . }}'


@pytest.mark.parametrize(
    ("endpoint", "jaeger", "traces", "metrics"),
    [
        ("", False, ["nop"], ["nop"]),
        ("", True, ["otlp_grpc/jaeger"], ["nop"]),
        ("https://otlp.example.com", False, ["otlp_http"], ["otlp_http"]),
        ("otlp.example.com:4317", False, ["otlp_grpc"], ["otlp_grpc"]),
        ("https://otlp.example.com", True, ["otlp_http", "otlp_grpc/jaeger"], ["otlp_http"]),
    ],
)
def test_traces_go_to_everybody_who_wants_them_and_metrics_not_to_jaeger(
    tmp_path: Path, endpoint: str, jaeger: bool, traces: list[str], metrics: list[str]
) -> None:
    config = rendered(tmp_path, endpoint=endpoint, jaeger=jaeger)
    pipelines = config["service"]["pipelines"]
    assert (pipelines["traces"]["exporters"], pipelines["metrics"]["exporters"]) == (traces, metrics)


def test_every_part_of_a_pipeline_is_configured(tmp_path: Path) -> None:
    config = rendered(tmp_path, endpoint="https://otlp.example.com", jaeger=True)
    for pipeline in config["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= config[kind].keys()
    assert set(config["service"]["extensions"]) <= config["extensions"].keys()


def test_jaeger_is_found_by_the_releases_name(tmp_path: Path) -> None:
    config = rendered(tmp_path, endpoint="", jaeger=True)
    assert config["exporters"]["otlp_grpc/jaeger"]["endpoint"] == "crm-kith-jaeger:4317"


def test_credentials_come_from_the_environment_and_only_when_there_are_some(tmp_path: Path) -> None:
    without = rendered(tmp_path / "without", endpoint="https://otlp.example.com")
    given = rendered(tmp_path / "given", endpoint="https://otlp.example.com", headersSecret="otlp")
    assert "headers" not in without["exporters"]["otlp_http"]
    assert given["exporters"]["otlp_http"]["headers"] == {"authorization": "${env:COLLECTOR_AUTHORIZATION}"}


def rendered(folder: Path, *, endpoint: str, jaeger: bool = False, **collector: str) -> Any:
    """The configuration as a chart of nothing else renders it."""
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("{apiVersion: v2, name: collector, version: 1.0.0}")
    (folder / "templates" / "config.yaml").write_text(_TEMPLATE)
    shutil.copy(rules.FILES / "collector.yaml", folder)
    values = {
        "listenHost": "0.0.0.0",
        "collector": {"endpoint": endpoint, **collector},
        "jaeger": {"enabled": jaeger},
    }
    with helm_python.Chart.load(folder) as chart:
        (text,) = chart.render(values, name="kith", namespace="crm").values()
    return YAML(typ="safe").load(text)
