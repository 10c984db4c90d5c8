"""What the images' layers rest on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("larger", ["requirements-cli.lock", "requirements-build.lock"])
def test_the_larger_environments_change_no_package_of_the_one_below(larger: str) -> None:
    assert pins("requirements.lock").items() <= pins(larger).items()
