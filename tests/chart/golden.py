"""Golden renders: what the chart makes of a scenario, kept so that a change shows as a diff in review.

`python -m tests.chart.golden` writes them anew. They are stable: objects ordered by kind and name, keys by the
alphabet; of long texts, such as dashboards, which are files of the chart themselves, only the first line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.chart.rendering import Manifest, scenario_manifests

FOLDER = Path(__file__).parent / "golden"
KEPT = ("minimal", "ha", "openshift", "everything")

_LONGEST_TEXT = 1_500


def golden(scenario: str) -> str:
    """The text of a scenario's golden file."""
    manifests = sorted(scenario_manifests(scenario), key=_place)
    return "".join(f"---\n{_text(_shortened(manifest))}" for manifest in manifests)


def file_of(scenario: str) -> Path:
    """Where it is kept."""
    return FOLDER / f"{scenario}.yaml"


def _place(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def _shortened(value: Any) -> Any:
    match value:
        case dict():
            return {key: _shortened(part) for key, part in value.items()}
        case list():
            return [_shortened(part) for part in value]
        case str() if len(value) > _LONGEST_TEXT:
            return f"{value.splitlines()[0]} … (a file of the chart)"
    return value


def _text(manifest: Manifest) -> str:
    return yaml.safe_dump(manifest, width=120, allow_unicode=True)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for kept in KEPT:
        file_of(kept).write_text(golden(kept))
