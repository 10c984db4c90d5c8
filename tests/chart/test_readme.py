"""The chart's README is what its values say, and what it promises is tested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from cli.chart_readme import README, readme, sections, undocumented
from tests.chart.rendering import CHART, render

_TESTS = Path(__file__).with_name("test_complaints.py")


def test_the_readme_is_the_one_that_is_written_from_the_values() -> None:
    assert README.read_text() == readme(), "write it anew: python -m cli.chart_readme"


def test_every_value_is_documented() -> None:
    assert undocumented((CHART / "values.yaml").read_text()) == []


def test_every_complaint_names_a_test_that_there_is_and_every_such_test_answers_one() -> None:
    named = re.findall(r"`(test_\w+)`", README.read_text())
    there = re.findall(r"^def (test_\w+)", _TESTS.read_text(), re.MULTILINE)
    assert sorted(named) == sorted(there)


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text())
    assert links
    assert [link for link in links if not (README.parent / link).exists()] == []


def test_the_values_that_the_readme_begins_with_are_taken() -> None:
    values = re.search(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)
    assert values
    assert render(yaml.safe_load(values[1]))


def test_a_comment_becomes_a_row_of_its_section() -> None:
    text = "## Images\n\nimage:\n  # -- Where it\n  # comes from.\n  registry: localhost\n  # A remark.\n  tag: ''\n"
    section = sections(text)[0]
    row = section.values[0]
    assert section.title == "Images"
    assert (row.path, row.type, row.default, row.text) == (
        "image.registry",
        "string",
        '`"localhost"`',
        "Where it comes from.",
    )
    assert undocumented(text) == ["image.tag"]


@pytest.mark.parametrize(
    ("value", "kind"), [("true", "bool"), ("1", "int"), ("0.5", "float"), ("[]", "list"), ("null", "any")]
)
def test_types_are_told_by_defaults(value: str, kind: str) -> None:
    assert sections(f"# -- A value.\na: {value}\n")[0].values[0].type == kind
