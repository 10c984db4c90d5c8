"""What the company is made of: the lists in `data/*.yaml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

_FOLDER = Path(__file__).parent / "data"


@cache
def load(name: str) -> Any:
    """The content of `data/<name>.yaml`; not to be changed by who gets it."""
    return yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
