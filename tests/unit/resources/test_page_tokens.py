"""Page tokens: positions, and nothing but positions."""

from __future__ import annotations

import base64
import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import InvalidArgument
from services.chassis.resources import paging
from services.chassis.resources.listing import ListQuery, list_query, next_token
from tests.unit.resources.thing import THING

ARGUMENTS: dict[str, Any] = {"tenant": "acme", "order_by": "count desc, since", "filter": "title=a"}


def refused(**arguments: Any) -> str:
    with pytest.raises(InvalidArgument) as caught:
        list_query(THING, **{"tenant": "acme", **arguments})
    return caught.value.violations[0].field


def test_a_token_goes_on_after_the_last_document() -> None:
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 678_000)
    token = next_token(list_query(THING, **ARGUMENTS), {"_id": "018f", "count": 7, "since": moment})
    condition = list_query(THING, page_token=token, **ARGUMENTS).query["$and"][0]
    assert condition["$or"][-1] == {
        "$and": [{"count": 7}, {"since": moment.replace(tzinfo=datetime.UTC)}, {"_id": {"$gt": "018f"}}]
    }


@pytest.mark.parametrize(
    "other",
    [
        {"tenant": "other"},
        {"order_by": "count, since"},
        {"filter": ""},
        {"show_deleted": True},
        {"q": "word"},
        {"order_by": ""},
    ],
)
def test_a_token_is_refused_with_other_arguments(other: dict[str, Any]) -> None:
    token = next_token(list_query(THING, **ARGUMENTS), {"_id": "018f", "count": 7})
    assert refused(**{**ARGUMENTS, **other}, page_token=token) == "page_token"


def test_the_page_size_may_change_between_pages() -> None:
    token = next_token(list_query(THING, page_size=2, **ARGUMENTS), {"_id": "018f"})
    assert list_query(THING, page_size=30, page_token=token, **ARGUMENTS).limit == 31


@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_a_made_up_token_is_refused(token: str) -> None:
    if token:
        assert refused(page_token=token) == "page_token"


@pytest.mark.parametrize(
    "payload",
    [
        [[{"$gt": ""}, 0], "018f"],
        [["a", 0], "018f"],
        [[1, 0], {"$ne": None}],
        [[True, 0], "018f"],
        [[1], "018f"],
        [[2**63, 0], "018f"],
        [[1, 10**17], "018f"],
        [5],
        {"$where": "1"},
    ],
)
def test_even_with_a_right_checksum_a_token_holds_only_values_of_its_fields(payload: Any) -> None:
    listed = list_query(THING, **ARGUMENTS)
    with pytest.raises(InvalidArgument):
        paging.after(listed.order, paging._token(payload, listed.arguments), listed.arguments)


def test_a_search_pages_by_count_up_to_a_limit() -> None:
    first = list_query(THING, tenant="acme", q="word", page_size=10)
    second = list_query(THING, tenant="acme", q="word", page_size=10, page_token=next_token(first, {"_id": "x"}))
    assert (second.skip, second.sort, second.hint) == (10, [], "words")
    beyond = paging.offset_token(paging.MAX_OFFSET + 1, first.arguments)
    assert refused(q="word", page_token=beyond) == "page_token"
    assert refused(q="word", page_token=paging.offset_token(-1, first.arguments)) == "page_token"


def test_a_page_has_50_documents_if_nothing_is_said_and_at_most_1000() -> None:
    assert list_query(THING, tenant="acme").limit == 51
    assert list_query(THING, tenant="acme", page_size=1_000).limit == 1_001
    assert refused(page_size=1_001) == refused(page_size=-1) == "page_size"


@pytest.mark.parametrize(
    ("arguments", "hint", "ordered"),
    [
        ({}, "tenant", True),
        ({"order_by": "count desc"}, "count", True),
        ({"order_by": "count, title"}, "tenant", True),
        ({"filter": "count=1"}, None, True),
        ({"q": "schmidt"}, "words", False),
        ({"q": "schmidt", "filter": "count=1"}, "words", False),
        ({"q": "anna schmidt"}, "pairs", False),
        ({"q": "schmidt", "order_by": "count"}, "words", True),
        ({"q": "s", "order_by": "count"}, None, True),
        ({"q": "s"}, "words", False),
    ],
)
def test_a_list_enters_by_the_index_that_serves_it(arguments: dict[str, Any], hint: str | None, ordered: bool) -> None:
    listed: ListQuery = list_query(THING, tenant="acme", **arguments)
    assert (listed.hint, bool(listed.sort)) == (hint, ordered)


def test_deleted_records_are_left_out_unless_asked_for() -> None:
    assert list_query(THING, tenant="acme").query == {"tenant": "acme", "delete_time": None}
    assert list_query(THING, tenant="acme", show_deleted=True).query == {"tenant": "acme"}
