"""`scenario` walks every file `deploy/helm/kith/ci/<scenario>-values.yaml`; `manifests` is what it renders."""

from __future__ import annotations

import pytest

from tests.chart.rendering import SCENARIOS, Manifest, scenario_manifests
from tests.chart.workloads import Workload, workloads


@pytest.fixture(params=SCENARIOS)
def scenario(request: pytest.FixtureRequest) -> str:
    """The name of a scenario."""
    return str(request.param)


@pytest.fixture
def manifests(scenario: str) -> tuple[Manifest, ...]:
    """All objects of a scenario; not to be changed."""
    return scenario_manifests(scenario)


@pytest.fixture
def running(manifests: tuple[Manifest, ...]) -> list[Workload]:
    """All that runs in a scenario."""
    return workloads(manifests)
