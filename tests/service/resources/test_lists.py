"""Filters, orders, pages and searches against a real MongoDB, on a record with a field of every sort."""

from __future__ import annotations

import datetime
import itertools
import math
import operator
import random
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pymongo
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.collection import Collection

from cli.local.plan import Addresses
from services.chassis.resources.bson_codec import encode
from services.chassis.resources.filter import compile_filter
from services.chassis.resources.listing import list_query, next_token
from services.chassis.resources.search import INDEXES, words_of
from tests.unit.resources.thing import THING, Thing

Things = Collection[dict[str, Any]]

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@pytest.fixture(scope="session")
def things(servers: Addresses) -> Iterator[Things]:
    """An empty collection with the indexes of a record."""
    with pymongo.MongoClient[dict[str, Any]](servers.mongodb) as client:
        collection = client["lists_tests"]["things"]
        collection.drop()
        collection.create_index([("tenant", 1), ("_id", 1)], name="tenant")
        for path in ("title", "count", "ratio", "since"):
            collection.create_index([("tenant", 1), (path, 1), ("_id", 1)], name=path)
        for name, keys in INDEXES.items():
            collection.create_index(keys, name=name)
        yield collection


@pytest.fixture
def tenant() -> str:
    return uuid.uuid4().hex


def store(things: Things, tenant: str, messages: list[Any]) -> list[str]:
    """Stores messages as the engine does; gives their ids."""
    documents = []
    for at, message in enumerate(messages):
        words, pairs = words_of(THING, message)
        identifier = f"{at:06d}-{tenant}"
        documents.append({"_id": identifier, "tenant": tenant, **encode(message), "_words": words, "_pairs": pairs})
    things.insert_many(documents)
    return [document["_id"] for document in documents]


def found(things: Things, tenant: str, text: str) -> set[int]:
    """The numbers of the messages that a filter finds."""
    query = {"$and": [{"tenant": tenant}, compile_filter(THING, text)]}
    return {int(document["_id"][:6]) for document in things.find(query, {"_id": 1})}


def listed(things: Things, **arguments: Any) -> tuple[list[dict[str, Any]], str]:
    """One page, as the store reads it."""
    query = list_query(THING, **arguments)
    cursor = things.find(query.query, limit=query.limit, skip=query.skip)
    cursor = cursor.sort(query.sort) if query.sort else cursor
    documents = list(cursor.hint(query.hint) if query.hint else cursor)
    page = documents[: query.page_size]
    return page, next_token(query, page[-1]) if len(documents) > query.page_size else ""


def walked(things: Things, **arguments: Any) -> list[dict[str, Any]]:
    """All pages, one after the other."""
    documents: list[dict[str, Any]] = []
    token = ""
    for _ in range(1_000):
        page, token = listed(things, page_token=token, **arguments)
        documents += page
        if not token:
            return documents
    raise AssertionError("paging does not end")


def moment(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(1_767_225_600 + seconds, datetime.UTC)


def test_every_comparison_means_what_the_message_says(things: Things, tenant: str) -> None:
    """A field without presence that is not set counts as its default: what its getter gives."""
    rng = random.Random(11)
    pools: dict[str, list[tuple[Any, str]]] = {
        "title": [(text, f'"{text}"') for text in ("", "a", "ab", "B", "ä", "a.b", "$a")],
        "count": [(number, str(number)) for number in (-5, -1, 0, 1, 5, 2**40)],
        "small": [(number, str(number)) for number in (0, 1, 2)],
        "ratio": [(number, str(number)) for number in (-1.5, 0.0, 0.25, 3.0)],
        "ready": [(False, "false"), (True, "true")],
        "color": [(0, "COLOR_UNSPECIFIED"), (1, "COLOR_RED"), (2, "COLOR_GREEN")],
    }
    messages = [Thing(**{path: rng.choice(pool)[0] for path, pool in pools.items()}) for _ in range(80)]
    store(things, tenant, [*messages, Thing()])
    messages.append(Thing())
    for path, pool in pools.items():
        signs = ("=", "!=") if path in ("ready", "color") else tuple(OPERATORS)
        for (value, written), sign in itertools.product(pool, signs):
            expected = {at for at, message in enumerate(messages) if OPERATORS[sign](getattr(message, path), value)}
            assert found(things, tenant, f"{path} {sign} {written}") == expected, (path, sign, written)
            opposite = {*range(len(messages))} - expected
            assert found(things, tenant, f"NOT {path} {sign} {written}") == opposite, (path, sign, written)
        present = {at for at, message in enumerate(messages) if getattr(message, path)}
        assert found(things, tenant, f"{path}:*") == present


def test_what_is_absent_compares_with_nothing(things: Things, tenant: str) -> None:
    message = Thing(score=0)
    message.since.FromDatetime(moment(0))
    message.took.FromMilliseconds(1_500)
    store(things, tenant, [Thing(), message])
    for text in ("score = 0", "score < 5", "score != 3", "since < 2030-01-01", "since != 2030-01-01", "took < 2s"):
        assert found(things, tenant, text) == {1}, text
    for text in ("score:*", "since:*", "took:*", "since = 2026-01-01", "took = 1.5s", "took >= 1.5s", "took > 1.4s"):
        assert found(things, tenant, text) == {1}, text
    assert found(things, tenant, "NOT score:*") == found(things, tenant, "-since:*") == {0}


def test_durations_compare_by_seconds_and_what_is_beyond(things: Things, tenant: str) -> None:
    lengths = [-1_500, -1_000, -1, 0, 1, 999, 1_000, 1_500, 61_000]
    messages = [Thing() for _ in lengths]
    for message, length in zip(messages, lengths, strict=True):
        message.took.FromMilliseconds(length)
    store(things, tenant, messages)
    for length, sign in itertools.product(lengths, OPERATORS):
        expected = {at for at, other in enumerate(lengths) if OPERATORS[sign](other, length)}
        assert found(things, tenant, f"took {sign} {length / 1000:f}s") == expected, (sign, length)


def test_lists_are_searched_by_element(things: Things, tenant: str) -> None:
    store(
        things,
        tenant,
        [
            Thing(tags=["vip", "new"], sizes=[1, 10]),
            Thing(parts=[{"label": "wheel", "weight": 4}, {"ready": True}]),
            Thing(parts=[{"label": "wheel", "weight": 9, "ready": True}]),
            Thing(main_part={"label": "hull"}),
        ],
    )
    assert found(things, tenant, "tags:vip") == found(things, tenant, "tags:*") == {0}
    assert found(things, tenant, "tags != vip") == {1, 2, 3}
    assert found(things, tenant, "sizes > 5") == {0}
    assert found(things, tenant, "parts.label = wheel parts.weight > 5") == {2}
    assert found(things, tenant, "parts.ready = false") == {1}
    assert found(things, tenant, "parts.weight < 5") == {1}
    assert found(things, tenant, "parts.weight:*") == {1, 2}
    assert found(things, tenant, "parts.label != wheel") == {0, 3}
    assert found(things, tenant, 'main_part.label = "hu*"') == {3}
    assert found(things, tenant, 'main_part.label = ""') == {0, 1, 2}


def test_a_filter_is_served_by_its_fields_index(things: Things, tenant: str) -> None:
    store(things, tenant, [Thing(title=f"title {at}") for at in range(300)])
    query = {"tenant": tenant, "$and": [compile_filter(THING, 'title = "title 12*"')]}
    stats = things.find(query).hint("title").explain()["executionStats"]
    assert stats["nReturned"] == 11
    assert stats["totalKeysExamined"] <= 13


sortable = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["a", "b", "ab", "ä", "\uffff", "A"]),
        "count": st.sampled_from([-3, -1, 1, 2, 2**62]),
        "ratio": st.sampled_from([-0.5, 0.5, math.inf, -math.inf, math.nan]),
        "ready": st.just(True),
        "color": st.sampled_from([1, 2]),
        "since": st.integers(0, 3).map(moment),
        "score": st.sampled_from([0, 1]),
        "main_part": st.fixed_dictionaries({}, optional={"weight": st.sampled_from([1, 2])}),
    },
)
keys = st.sampled_from(
    ["title", "count", "ratio", "ready", "color", "since", "score", "main_part.weight", "name", "delete_time"]
)
orders = st.lists(st.tuples(keys, st.sampled_from(["", " desc"])), max_size=3, unique_by=lambda key: key[0]).map(
    lambda chosen: ",".join(path + direction for path, direction in chosen)
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(sortable, min_size=1, max_size=25), orders, st.integers(1, 7))
def test_pages_together_are_the_sorted_whole(things: Things, documents: list[Any], order: str, size: int) -> None:
    tenant = uuid.uuid4().hex
    things.insert_many([{"_id": f"{at:03d}-{tenant}", "tenant": tenant, **doc} for at, doc in enumerate(documents)])
    # `ready`, `color` and the like have no index here: those orders are sorted, not hinted.
    query = list_query(THING, tenant=tenant, order_by=order)
    whole = [document["_id"] for document in things.find({"tenant": tenant}).sort(query.sort)]
    token, ids = "", []
    for _ in range(100):
        query = list_query(THING, tenant=tenant, order_by=order, page_size=size, page_token=token)
        page = list(things.find(query.query, limit=query.limit).sort(query.sort))
        ids += [document["_id"] for document in page[:size]]
        if len(page) <= size:
            break
        token = next_token(query, page[size - 1])
    assert ids == whole


def test_a_page_deep_in_equal_values_reads_no_more_than_itself(things: Things, tenant: str) -> None:
    store(things, tenant, [Thing(title="same") for _ in range(500)])
    first = list_query(THING, tenant=tenant, order_by="title desc", page_size=400)
    page = list(things.find(first.query, limit=400).sort(first.sort).hint(str(first.hint)))
    query = list_query(
        THING, tenant=tenant, order_by="title desc", page_size=10, page_token=_after(tenant, page[-1], "title desc")
    )
    stats = things.find(query.query, limit=query.limit).sort(query.sort).hint(str(query.hint)).explain()
    assert stats["executionStats"]["totalDocsExamined"] <= 12


def _after(tenant: str, document: dict[str, Any], order: str) -> str:
    return next_token(list_query(THING, tenant=tenant, order_by=order), document)


NAMES = ["Anna Schmidt", "Işık Yıldız", "Søren Åse", "أحمد الرشيد", "北京华为技术有限公司", "王伟", "Jürgen Müller"]


def test_a_search_finds_names_in_their_languages(things: Things, tenant: str) -> None:
    ids = store(things, tenant, [Thing(title=name) for name in NAMES])
    asked = ["schmidt an", "isik", "soeren aase", "رشيد احمد", "华为", "王", "mueller jurgen"]
    for identifier, q in zip(ids, asked, strict=True):
        assert [document["_id"] for document in listed(things, tenant=tenant, q=q)[0]] == [identifier], q


def test_a_search_is_walked_in_pages_without_gap_or_double(things: Things, tenant: str) -> None:
    ids = store(things, tenant, [Thing(title=f"Anna Schmidt {at}", count=at % 3) for at in range(57)])
    for arguments in (
        {"q": "anna"},
        {"q": "anna schm"},
        {"q": "a", "filter": "count >= 0"},
        {"q": "anna", "order_by": "count desc"},
        {"q": "s anna", "filter": "count >= 0"},
    ):
        walk = [document["_id"] for document in walked(things, tenant=tenant, page_size=10, **arguments)]
        assert sorted(walk) == ids, arguments
    counts = [
        doc.get("count", 0) for doc in walked(things, tenant=tenant, page_size=10, q="anna", order_by="count desc")
    ]
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize("q", ["annamaria x", "x annamaria", "+1 5553334444"])
def test_a_search_enters_by_its_rarest_word(things: Things, tenant: str, q: str) -> None:
    common = [Thing(title="x1 15 xavier", parts=[{"label": "+1 2"}]) for _ in range(300)]
    store(things, tenant, [*common, Thing(title="Annamaria Xeno", parts=[{"label": "+1 555 333 4444"}])])
    query = list_query(THING, tenant=tenant, q=q)
    stats = things.find(query.query, limit=query.limit).hint(str(query.hint)).explain()["executionStats"]
    assert stats["nReturned"] == 1
    assert stats["totalDocsExamined"] <= 2


def test_no_list_crosses_tenants(things: Things, tenant: str) -> None:
    store(things, tenant, [Thing(title="Anna Schmidt")])
    for arguments in ({}, {"q": "anna"}, {"q": "anna schmidt"}, {"filter": 'title="A*"'}, {"filter": "NOT title=x"}):
        assert listed(things, tenant="another", **arguments) == ([], "")
