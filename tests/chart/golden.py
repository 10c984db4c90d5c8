"""Golden renders: what the chart makes of a scenario, kept so that a change shows as a diff in review.

`python -m tests.chart.golden` writes them anew. They are stable: objects ordered by kind and name, keys by the
alphabet. They are short: of objects that `minimal` has too, and of services but contact, whose objects one template
makes, only the lines that differ are told; of what is in files of the chart (dashboards, rules) only the beginning.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from services.chassis.settings import SERVICES
from tests.chart.rendering import Manifest, scenario_manifests

FOLDER = Path(__file__).parent / "golden"
KEPT = ("minimal", "dev", "ha", "keda", "gitops", "everything")

_FIRST = "contact"
_OTHERS = tuple(service for service in SERVICES if service != _FIRST)
_LONGEST_TEXT = 1_500

Place = tuple[str, str]


def golden(scenario: str) -> str:
    """The text of a scenario's golden file."""
    texts, known = _texts(scenario), {} if scenario == KEPT[0] else _texts(KEPT[0])
    return "".join(f"---\n{_entry(place, texts, known)}" for place in sorted(texts))


def file_of(scenario: str) -> Path:
    """Where it is kept."""
    return FOLDER / f"{scenario}.yaml"


def _texts(scenario: str) -> dict[Place, str]:
    return {_place(manifest): _text(manifest) for manifest in scenario_manifests(scenario)}


def _place(manifest: Manifest) -> Place:
    """An object's kind and name; without the hash in which a Job's name ends, so that its place is always the same."""
    name = str(manifest["metadata"]["name"])
    return manifest["kind"], name.rpartition("-")[0] if manifest["kind"] == "Job" else name


def _entry(place: Place, texts: dict[Place, str], known: dict[Place, str]) -> str:
    kind, name = place
    service = next((each for each in _OTHERS if f"-{each}-" in f"{name}-"), "")
    twin = kind, name.replace(service, _FIRST)
    if service and twin in texts:
        return _told(place, f"as {twin[1]}", texts[twin].replace(_FIRST, service), texts[place])
    if place in known:
        return _told(place, f"as in {KEPT[0]}", known[place], texts[place])
    return texts[place]


def _told(place: Place, model: str, before: str, after: str) -> str:
    changes = "".join(_changes(before, after))
    return f"# {' '.join(place)}: {model}{', but' if changes else ''}{changes}\n"


def _changes(before: str, after: str) -> Iterable[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return (f"\n#  {line}" for line in lines if not line.startswith(("---", "+++", "@@")))


def _text(manifest: Manifest) -> str:
    shown = {**manifest, "spec": "… (a file of the chart)"} if manifest["kind"] == "PrometheusRule" else manifest
    return yaml.safe_dump(_shortened(shown), width=120, allow_unicode=True)


def _shortened(value: Any) -> Any:
    match value:
        case dict():
            return {key: _shortened(part) for key, part in value.items()}
        case list():
            return [_shortened(part) for part in value]
        case str() if len(value) > _LONGEST_TEXT:
            return f"{value.splitlines()[0]} … (a file of the chart)"
    return value


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for kept in KEPT:
        file_of(kept).write_text(golden(kept))
