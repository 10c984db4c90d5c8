"""What the tests counted and measured: printed as it is known, and kept for whoever reads it later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "build" / "cluster"


class Report:
    """One line for each finding, and all of them in `build/cluster/report.json`."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._path = folder / "report.json"
        self._findings: dict[str, dict[str, Any]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)

    def add(self, name: str, **numbers: Any) -> None:
        """Says what was found: the name of the finding, and its numbers."""
        self._findings[name] = numbers
        self._path.write_text(json.dumps(self._findings, indent=2) + "\n")
        print(f"\n  {name}: {_line(numbers)}", flush=True)


def _line(numbers: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_short(value)}" for name, value in numbers.items())


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + _line(value) + "}"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
