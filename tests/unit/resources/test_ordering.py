"""Orders of lists."""

from __future__ import annotations

import pytest

from services.chassis.errors import InvalidArgument
from services.chassis.resources.ordering import parse_order
from tests.unit.resources.thing import THING


@pytest.mark.parametrize(
    ("text", "sort"),
    [
        ("", [("_id", 1)]),
        ("title", [("title", 1), ("_id", 1)]),
        ("count desc", [("count", -1), ("_id", -1)]),
        (" mainPart.weight  desc , title asc", [("main_part.weight", -1), ("title", 1), ("_id", 1)]),
        ("title, name desc, count", [("title", 1), ("_id", -1)]),
    ],
)
def test_an_order_ends_with_the_id(text: str, sort: list[tuple[str, int]]) -> None:
    assert parse_order(THING, text).sort == sort


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("secret", "these can: color, count"),
        ("tags", "no single value"),
        ("parts.weight", "no single value"),
        ("took", "no single value"),
        ("title up", "`title up` is not"),
        ("title,,count", "is not `field`"),
        ("title, count, ratio, small", "at most 3"),
        ("title, title desc", "twice"),
        ("title" * 1_000, "5,000 characters"),
        ("$natural", "no field"),
    ],
)
def test_a_wrong_order_is_refused_with_the_fix(text: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_order(THING, text)
    assert caught.value.violations[0].field == "order_by"
    assert words in caught.value.violations[0].description
