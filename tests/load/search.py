"""Measures searches over generated contacts: `python -m tests.load.search mongodb://… [documents]`; see decision 0005.

Names follow Zipf's law over 2,000 given and 30,000 family names of German, Danish and Turkish letters; one contact in
twenty has a Chinese name. Every search asks for a page of ten, through `list_query`, over one connection.
"""

from __future__ import annotations

import itertools
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

import pymongo
from kith.contact.v1.contact_pb2 import Contact
from pymongo.collection import Collection

from services.chassis.resources.bson_codec import encode
from services.chassis.resources.listing import list_query
from services.chassis.resources.schema import RecordType
from services.chassis.resources.search import INDEXES, fold, words_of

CONTACT = RecordType.of(Contact)
TENANT = "measured"

_ONSETS = [*"bcdfghjklmnprstvwz", "sch", "br", "kr", "gr", "tr", "st", "kl", "ch", "th"]
_VOWELS = [*"aeiouöüåøı", "ai", "ie", "au"]
_CODAS = ["", "", "", *"nrslmtk", "rd", "nd"]
_TITLES = (
    "Account Manager|Vice President Sales|Chief Financial Officer|Engineer|Head of Marketing|Procurement|Assistant"
)
_SORTED = {"family_name": [("tenant", 1), ("family_name", 1)], "title": [("tenant", 1), ("title", 1)]}
_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗"
_HAN = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华建国文辉力玉梅红春龙"


def main(uri: str, count: int) -> None:
    """Fills a database of its own, asks, prints a table, and drops the database."""
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        database = client["kith_measure_search"]
        try:
            contacts = database["contacts"]
            sample = _fill(contacts, count)
            sizes = database.command("collStats", "contacts")["indexSizes"]
            print("index MB:", {name: round(size / 1e6, 1) for name, size in sizes.items()})
            for label, asked, arguments in _searches(sample):
                _measure(contacts, label, asked, arguments)
        finally:
            client.drop_database(database.name)


def _fill(contacts: Collection[dict[str, Any]], count: int) -> list[Contact]:
    contacts.drop()
    spent, words_stored, pairs_stored = 0.0, 0, 0
    sample: list[Contact] = []
    rng = random.Random(7)
    contacts_made = _contacts(rng, count)
    while batch := list(itertools.islice(contacts_made, 2_000)):
        documents: list[dict[str, Any]] = []
        for contact in batch:
            started = time.perf_counter()
            words, pairs = words_of(CONTACT, contact)
            spent += time.perf_counter() - started
            words_stored, pairs_stored = words_stored + len(words), pairs_stored + len(pairs)
            identifier = f"{rng.getrandbits(64):x}-{len(documents)}"
            documents.append({"_id": identifier, "tenant": TENANT, **encode(contact), "_words": words, "_pairs": pairs})
        sample += rng.sample(batch, min(24, len(batch)))
        contacts.insert_many(documents, ordered=False)
    print(f"words_of {spent / count * 1e6:.0f} µs, {words_stored / count:.1f} words, {pairs_stored / count:.1f} pairs")
    for name, keys in {**INDEXES, **_SORTED, "tenant": [("tenant", 1)]}.items():
        contacts.create_index([*keys, ("_id", 1)] if name not in INDEXES else keys, name=name)
    return sample


def _contacts(rng: random.Random, count: int) -> Iterator[Contact]:
    weights = [9, 9, 7, 6, 5, 1, 1, 0.5, 0.5, 0.5, 1, 1, 1]
    syllables = [
        rng.choice(_ONSETS) + rng.choices(_VOWELS, weights=weights)[0] + rng.choice(_CODAS) for _ in range(700)
    ]
    given, family, company = (_names(rng, syllables, size) for size in (2_000, 30_000, 20_000))
    titles = _TITLES.split("|")
    for at in range(count):
        first, last, firm = (rng.choices(names, cum_weights=sums)[0] for names, sums in (given, family, company))
        address = f"{fold(first)}.{fold(last)}@{fold(firm)}.com"
        if at % 20 == 0:
            first, last, address = "".join(rng.choices(_HAN, k=2)), rng.choice(_SURNAMES), f"user{at}@{fold(firm)}.com"
        yield Contact(
            given_name=first,
            family_name=last,
            display_name=f"{last}{first}" if at % 20 == 0 else f"{first} {last}",
            title=rng.choice(titles),
            email_addresses=[{"value": address}],
            phone_numbers=[{"value": f"+{rng.choice(('49', '1', '90', '45'))} {rng.randrange(10**9, 10**10)}"}],
        )


def _names(rng: random.Random, syllables: list[str], size: int) -> tuple[list[str], list[float]]:
    """Distinct names and the running sums of their weights."""
    names: dict[str, None] = {}
    while len(names) < size:
        names["".join(rng.choices(syllables, k=rng.choice((2, 2, 3, 3, 4)))).capitalize()] = None
    return list(names), list(itertools.accumulate(1 / (rank + 3) ** 0.9 for rank in range(size)))


def _searches(sample: list[Contact]) -> Iterator[tuple[str, list[str], dict[str, Any]]]:
    latin = [contact for contact in sample if contact.given_name[0] < "\u2e80"]
    han = [contact for contact in sample if contact.given_name[0] > "\u2e80"][:200]
    here, there = latin[:600:2], latin[1:600:2]
    mixed = list(zip(here, there, strict=False))
    three = [one.family_name[:3] for one in here]
    pairs = [f"{one.given_name[:3]} {other.family_name[:3]}" for one, other in mixed]
    letters = list("abcdefghijklmnopqrstuvwxyz") * 8
    yield "one word, whole", [one.family_name for one in here], {}
    yield "one word, three letters", three, {}
    yield "one word, one letter", letters, {}
    yield "one word, no match", [one.family_name + "qx" for one in here], {}
    yield "e-mail address", [one.email_addresses[0].value for one in here], {}
    yield "telephone number", [one.phone_numbers[0].value for one in here], {}
    yield "two words of one contact", [f"{one.given_name} {one.family_name}" for one in here], {}
    yield "two words, four letters each", [f"{one.given_name[:4]} {one.family_name[:4]}" for one in here], {}
    yield "two words of two contacts, three letters", pairs, {}
    yield "two words, no match", [f"{one.given_name[:3]} {other.family_name}qx" for one, other in mixed], {}
    yield "word and one letter", [f"{one.given_name} {other.family_name[:1]}" for one, other in mixed], {}
    yield "word and two letters", [f"{one.given_name} {other.family_name[:2]}" for one, other in mixed], {}
    yield "frequent word and rare letters", ["sales xy", "engineer qu", "vice zz", "head fj", "account wy"] * 40, {}
    yield "two letters twice, no match", ["of xy", "ma qx", "ka yx", "vi qq"] * 50, {}
    trio = [f"{one.given_name[:3]} {one.family_name[:3]} {one.title[:4]}" for one in here]
    yield "three words of one contact", trio, {}
    trio = [f"{one.given_name[:3]} {other.family_name[:3]} {other.title[:4]}" for one, other in mixed]
    yield "three words of two contacts", trio, {}
    yield "Chinese, two letters", [one.given_name for one in han], {}
    yield "Chinese, surname and a letter", [f"{one.family_name} {one.given_name[1]}" for one in han], {}
    yield "three letters and a filter", three, {"filter": 'title = "Engineer"'}
    yield "two words and a filter", pairs, {"filter": 'title = "Engineer"'}
    yield "whole word in an order", [one.family_name for one in here], {"order_by": "family_name"}
    yield "three letters in an order", three, {"order_by": "family_name"}
    yield "one letter in an order", letters, {"order_by": "family_name"}


def _measure(contacts: Collection[dict[str, Any]], label: str, asked: list[str], arguments: dict[str, Any]) -> None:
    times, hits = [], 0
    for q in asked:
        started = time.perf_counter()
        query = list_query(CONTACT, tenant=TENANT, q=q, page_size=10, **arguments)
        cursor = contacts.find(query.query, {"_words": 0, "_pairs": 0}, limit=query.limit)
        cursor = cursor.sort(query.sort) if query.sort else cursor
        hits += bool(list(cursor.hint(query.hint) if query.hint else cursor))
        times.append((time.perf_counter() - started) * 1_000)
    times.sort()
    p50, p90, p99 = (times[int(len(times) * share)] for share in (0.5, 0.9, 0.99))
    share = hits / len(asked)
    print(f"| {label} | {share:.0%} | {p50:.1f} | {p90:.1f} | {p99:.1f} | {times[-1]:.1f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 300_000)
