"""Filters: what they mean is proven in tests/service/resources/test_lists.py, against a real MongoDB."""

from __future__ import annotations

import contextlib
import datetime
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import InvalidArgument
from services.chassis.resources.filter import compile_filter
from tests.unit.resources.thing import THING


def refused(text: str) -> str:
    with pytest.raises(InvalidArgument) as caught:
        compile_filter(THING, text)
    (violation,) = caught.value.violations
    assert violation.field == "filter"
    return violation.description


def test_a_blank_filter_asks_for_nothing() -> None:
    assert compile_filter(THING, "") == compile_filter(THING, " \n") == {}


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ('title = "vip"', {"title": "vip"}),
        ("title = vip", {"title": "vip"}),
        ('title = "a.b*"', {"title": {"$regex": "^a\\.b"}}),
        ('title = "5\\*"', {"title": "5*"}),
        ('title = ""', {"title": {"$in": [None, ""]}}),
        ("count > 5", {"count": {"$gt": 5}}),
        ("count < 5", {"count": {"$not": {"$gte": 5}}}),
        ("count < -5", {"count": {"$lt": -5}}),
        ("count != 1", {"count": {"$ne": 1}}),
        ("count:*", {"count": {"$nin": [None, 0]}}),
        ("score < 5", {"score": {"$lt": 5}}),
        ("ready = false", {"ready": {"$in": [None, False]}}),
        ("color = COLOR_RED", {"color": 1}),
        ("tags:vip", {"tags": "vip"}),
        ("parts.weight > 3", {"parts.weight": {"$gt": 3}}),
        ("parts.weight < 3", {"parts": {"$elemMatch": {"weight": {"$not": {"$gte": 3}}}}}),
        ("mainPart.weight = 3", {"main_part.weight": 3}),
        ('name = "things/018f"', {"_id": "018f"}),
        ("createTime:*", {"create_time": {"$nin": [None]}}),
    ],
)
def test_a_comparison_becomes_one_condition_on_the_stored_field(text: str, query: dict[str, Any]) -> None:
    assert compile_filter(THING, text) == query


def test_or_binds_tighter_than_and_and_terms_side_by_side_are_joined_by_and() -> None:
    a, b, c = {"title": "a"}, {"title": "b"}, {"title": "c"}
    assert compile_filter(THING, "title=a AND title=b OR title=c") == {"$and": [a, {"$or": [b, c]}]}
    assert compile_filter(THING, "title=a title=b") == {"$and": [a, b]}
    assert compile_filter(THING, "(title=a title=b) OR title=c") == {"$or": [{"$and": [a, b]}, c]}
    assert compile_filter(THING, "NOT title=a") == compile_filter(THING, "-title=a") == {"$nor": [a]}


def test_timestamps_are_cut_to_the_millisecond_in_utc() -> None:
    moment = datetime.datetime(2026, 1, 31, 8, 30, 0, 123_000, tzinfo=datetime.UTC)
    for written in ("2026-01-31T08:30:00.123456Z", '"2026-01-31T09:30:00.123+01:00"', "2026-01-31t08:30:00.123z"):
        assert compile_filter(THING, f"since > {written}") == {"since": {"$gt": moment}}


def test_a_date_is_its_whole_day() -> None:
    first, second = (datetime.datetime(2026, 1, day, tzinfo=datetime.UTC) for day in (1, 2))
    assert compile_filter(THING, "since = 2026-01-01") == {"since": {"$gte": first, "$lt": second}}
    assert compile_filter(THING, "since <= 2026-01-01") == {"since": {"$lt": second}}
    assert compile_filter(THING, "since > 2026-01-01") == {"since": {"$gte": second}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("vip", ("`vip` is a bare word", "character 4", "use q")),
        ('"vip"', ("character 1", "a comparison starts with a field")),
        ("colour = red", ("`colour` at character 1", "these can: color, count, create_time")),
        ("title = a AND secret = b", ("`secret` at character 15",)),
        ("$where = 1", ("`$where` at character 1",)),
        ("main_part = 1", ("main_part.weight",)),
        ("color = RED", ("COLOR_UNSPECIFIED, COLOR_RED, COLOR_GREEN",)),
        ("color > COLOR_RED", ("= or != only",)),
        ("count = five", ("whole number",)),
        ('count = "5"', ("without quotes",)),
        ("count = 9223372036854775808", ("9223372036854775807",)),
        ("small = -1", ("between 0 and 4294967295",)),
        ("ratio = 1e999", ("too large",)),
        ("ratio = NaN", ("a number",)),
        ("ready = yes", ("true or false",)),
        ("since > yesterday", ("2026-01-31T09:30:00Z",)),
        ("since > 2026-02-30", ("2026-01-31",)),
        ("since > 2026-01-01T25:00:00Z", ("timestamp",)),
        ("since > 0001-01-01T00:00:00+23:00", ("timestamp",)),
        ("took > 5", ("90s or 1.5s",)),
        ('title = "*son"', ("only beginnings",)),
        ('title = "*"', ("title:*",)),
        ('name = "accounts/1"', ("names look like things/",)),
        ("title =", ("a value must follow",)),
        ("title = (a OR b)", ("a value must follow", "character 9")),
        ("(title = a", ("closing parenthesis is missing",)),
        ("title = a)", ("no parenthesis to close",)),
        ("title = a OR", ("the end", "a comparison must stand here")),
        ("title = 'a", ("character 9",)),
        ("title = \0", ("NUL", "character 9")),
    ],
)
def test_what_is_wrong_is_said_with_its_position_and_the_fix(text: str, words: tuple[str, ...]) -> None:
    told = refused(text)
    for word in words:
        assert word in told, told


def test_limits_hold_and_cost_nothing() -> None:
    started = time.process_time()
    assert "4,000" in refused("title = a " * 1_000_000)
    assert "51 comparisons" in refused(" AND ".join(["title = a"] * 51))
    assert "nests deeper than 20" in refused("(" * 1_990 + "title=a" + ")" * 1_990)
    assert "nests deeper than 20" in refused("NOT (" * 700)
    assert compile_filter(THING, " AND ".join(['title = "(((:="'] * 50))
    assert compile_filter(THING, "(" * 20 + "title=a" + ")" * 20) == {"title": "a"}
    assert time.process_time() - started < 1


@given(st.text(max_size=60) | st.text(alphabet="title=\"'()*:<>!- ANDORT5$.\\", max_size=40))
def test_any_text_compiles_or_is_refused(text: str) -> None:
    with contextlib.suppress(InvalidArgument):
        assert isinstance(compile_filter(THING, text), dict)


@given(st.text())
def test_a_quoted_value_never_becomes_an_operator(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("*", "\\*")
    if "\0" in value or not value or len(quoted) > 3_000:
        return
    assert compile_filter(THING, f'title = "{quoted}"') == {"title": value}
