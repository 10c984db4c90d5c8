"""Dashboards load anywhere: they name no data source, tell every panel's unit, and leave no panel under another."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.unit.observability import rules

BOARDS = rules.dashboards()


def test_there_are_three_of_different_names() -> None:
    assert {board["uid"] for board in BOARDS.values()} == {name.removesuffix(".json") for name in BOARDS}
    assert len({board["title"] for board in BOARDS.values()}) == len(BOARDS) == 3


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_asks_the_data_source_that_was_chosen(name: str) -> None:
    assert {panel["datasource"]["uid"] for panel in _panels(BOARDS[name])} == {"${datasource}"}
    assert BOARDS[name]["templating"]["list"][0]["name"] == "datasource"


@pytest.mark.parametrize("name", BOARDS)
def test_a_panel_has_a_title_and_a_graph_its_unit(name: str) -> None:
    assert all(panel["title"] for panel in _panels(BOARDS[name]))
    graphs = [panel for panel in _panels(BOARDS[name]) if panel["type"] == "timeseries"]
    assert all(panel["fieldConfig"]["defaults"]["unit"] for panel in graphs)


@pytest.mark.parametrize("name", BOARDS)
def test_no_panel_lies_under_another(name: str) -> None:
    areas = [panel["gridPos"] for panel in BOARDS[name]["panels"]]
    assert [pair for pair in itertools.combinations(areas, 2) if _overlap(*pair)] == []
    assert all(area["x"] + area["w"] <= 24 for area in areas)


@pytest.mark.parametrize("name", BOARDS)
def test_a_query_uses_only_variables_that_are_there(name: str) -> None:
    known = {f"${variable['name']}" for variable in BOARDS[name]["templating"]["list"]}
    known |= {"$__range", "$__rate_interval"}
    for panel in _panels(BOARDS[name]):
        for target in panel["targets"]:
            assert set(_variables(target["expr"])) <= known


def _panels(board: Any) -> list[Any]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def _overlap(one: Any, other: Any) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or above)


def _variables(query: str) -> list[str]:
    words = query.replace("[", " ").replace("]", " ").replace('"', " ").replace("|", " ").split()
    return [word for word in words if word.startswith("$") and not word[1:].isdigit()]
