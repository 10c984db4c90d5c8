"""Search: what is written finds what is stored, in the languages of our users."""

from __future__ import annotations

import random
import re
import time
import unicodedata
from typing import Any

import pytest
from bson.regex import Regex
from hypothesis import given
from hypothesis import strategies as st
from kith.contact.v1 import contact_pb2

from services.chassis.errors import InvalidArgument
from services.chassis.resources.schema import RecordType
from services.chassis.resources.search import fold, query_of, words_of
from tests.unit.resources.thing import THING, Thing

CONTACT = RecordType.of(contact_pb2.Contact)


def holds(condition: dict[str, Any], stored: dict[str, list[str]]) -> bool:
    """What MongoDB would say, for the few operators that a search uses."""
    if "$and" in condition:
        return all(holds(part, stored) for part in condition["$and"])
    ((field, wanted),) = condition.items()
    one_of = wanted.get("$elemMatch", wanted)["$in"]
    return any(_matches(one, value) for one in one_of for value in stored[field])


def _matches(one: str | Regex[str], value: str) -> bool:
    return value == one if isinstance(one, str) else re.match(one.pattern, value) is not None


def finds(q: str, *texts: str) -> bool:
    words, pairs = words_of(THING, Thing(title=texts[0], parts=[{"label": text} for text in texts[1:]]))
    assert words == sorted(set(words))
    assert pairs == sorted(set(pairs))
    return holds(query_of(q).condition, {"_words": words, "_pairs": pairs})


@pytest.mark.parametrize(
    ("q", "text"),
    [
        ("schm", "Anna Schmidt"),
        ("SCHMIDT anna", "Anna Schmidt"),
        ("anna s", "Anna Schmidt"),
        ("s an", "Anna Schmidt"),
        # German
        ("müller", "Mueller"),
        ("mueller", "Müller"),
        ("muller", "Müller"),
        ("muller", "Mueller"),
        ("mueller", "Muller"),
        ("müller", "MÜLLER"),
        ("strasse", "Große Straße"),
        ("große", "GROSSE STRASSE"),
        ("jörg goetz", "Joerg Götz"),
        # Danish, Norwegian, Swedish
        ("søren", "Soren Kierkegaard"),
        ("soeren", "Søren Kierkegaard"),
        ("kierkegard", "Søren Kierkegaard"),
        ("kierkegård", "Søren Kierkegaard"),
        ("åse", "Aase Bjørnson"),
        ("aase", "Åse Bjørnson"),
        ("ase bjornson", "Åse Bjørnson"),
        ("bjoernson", "Åse Bjørnson"),
        ("aesop", "Æsop"),
        ("æsop", "Aesop"),
        ("sjöberg", "Sjoeberg"),
        # Turkish
        ("istanbul", "İSTANBUL"),
        ("İstanbul", "istanbul"),
        ("ISTANBUL", "İstanbul"),
        ("işık", "IŞIK YILDIZ"),
        ("isik yildiz", "Işık Yıldız"),
        ("YILDIZ", "yıldız"),
        ("çağrı öztürk", "CAGRI OZTURK"),
        ("ozturk", "Çağrı Öztürk"),
        # Arabic
        ("احمد", "أَحْمَد الرشيد"),
        ("أحمد", "احمد"),
        ("إبراهيم", "ابراهيم"),
        ("فاطمه", "فاطمة"),
        ("مصطفي", "مصطفى"),
        ("رشيد", "أحمد الرشيد"),
        ("الرشيد", "احمد رشيد"),
        ("محمد", "محـــمد"),
        ("123", "رقم ١٢٣٤"),
        # Chinese, Japanese, Korean
        ("华为", "北京华为技术有限公司"),
        ("有限公司", "北京华为技术有限公司"),
        ("王伟", "王伟"),
        ("北京 技术", "北京华为技术有限公司"),
        ("株式会社", "ABC株式会社"),
        ("abc", "ABC株式会社"),
        ("たなか", "タナカ"),
        ("ｶﾞｽ", "大阪ガス"),
        ("민수", "김민수"),
        # other scripts
        ("алексеи", "Алексей Ёлкин"),
        ("елкин", "Алексей Ёлкин"),
        ("αθηνα", "Αθήνα"),
        ("शर्मा", "राम शर्मा"),
        ("สวัส", "คุณสวัสดี"),
        # widths and apostrophes
        ("abc", "ＡＢＣ Corp"),
        ("o'brien", "Conan O’Brien"),
        ("obrien", "Conan O'Brien"),
        ("brien", "Conan O'Brien"),
        ("d’arc", "Jeanne d'Arc"),
        ("jean-luc", "Jean Luc Picard"),
        ("st.gallen", "Spital St. Gallen"),
        ("st gallen", "Spital St.Gallen"),
        # addresses and numbers
        ("anna.schmidt@example.com", "Anna.Schmidt@Example.com"),
        ("anna.schmidt@exa", "anna.schmidt@example.com"),
        ("schmidt", "anna.schmidt@example.com"),
        ("example.com", "anna.schmidt@mail.example.com"),
        ("@example.com", "anna.schmidt@example.com"),
        ("example", "anna.schmidt@example.com"),
        ("anna example.com", "anna.schmidt@example.com"),
        ("example.com", "https://www.example.com/about"),
        ("www.example.com", "https://www.example.com"),
        ("+49 30 1234567", "+49 (0)30 1234-567"),
        ("030 1234567", "+49 30 1234567"),
        ("0301234", "+49 30 1234567"),
        ("1234567", "+49 30 1234567"),
        ("(555) 123-4567", "+1 555 123 4567"),
        ("4567", "+1 555 123 4567"),
        ("000123", "CASE-000123"),
        ("123", "CASE-000123"),
    ],
)
def test_it_is_found(q: str, text: str) -> None:
    assert finds(q, text)


@pytest.mark.parametrize(
    ("q", "text"),
    [
        ("joe", "John Jones"),
        ("sue", "Susan Sullivan"),
        ("mae", "Maria"),
        ("schmidt berta", "Anna Schmidt"),
        ("idt", "Anna Schmidt"),
        ("伟王", "王伟"),
        ("anna.schmidt@example.com", "anna.schmitz@example.com"),
        ("1234567", "+49 30 7654321"),
        (".*", "Anna"),
        ("a|b", "Anna"),
        ("^", "Anna"),
        ("🎉", "Party"),
    ],
)
def test_it_is_not_found(q: str, text: str) -> None:
    assert not finds(q, text)


def test_a_website_is_found_with_and_without_its_www() -> None:
    assert finds("www.example", "www.example.com")
    assert finds("shop.example.com", "shop.example.com, our shop")


def test_words_of_different_fields_are_found_together() -> None:
    assert finds("anna vice 1234", "Anna Schmidt", "Vice President", "+49 30 1234567")


def test_beyond_the_paired_words_every_two_words_are_still_found() -> None:
    rng = random.Random(5)
    words = ["".join(rng.choices("bcdfghklmnprst", k=6)) for _ in range(60)]
    for _ in range(300):
        first, second = rng.sample(words, 2)
        assert finds(f"{first[:4]} {second[: rng.choice([1, 2, 3, 6])]}", " ".join(words))


@given(
    st.lists(st.text(alphabet="aeouäöüåøæßiıİsmnrAEOU'-.@é伟王ا", min_size=1, max_size=9), min_size=1, max_size=6),
    st.data(),
)
def test_every_beginning_of_every_word_finds_its_text(words: list[str], data: st.DataObject) -> None:
    text = " ".join(words)
    chosen = data.draw(st.lists(st.sampled_from(words), min_size=1, max_size=3))
    q = " ".join(word[: data.draw(st.integers(1, len(word)))] for word in chosen if "." not in word and "@" not in word)
    if "@" not in text and fold(q).strip(" '-"):
        assert finds(q, text), (q, text)


@given(st.text(max_size=300))
def test_any_text_can_be_stored_and_asked_for(text: str) -> None:
    words, _ = words_of(THING, Thing(title=text.encode(errors="ignore").decode()))
    assert all(0 < len(word) <= 64 for word in words)
    query_of(" ".join(text.split()[:3]))


@given(st.text(max_size=50), st.integers(0, 50))
def test_the_fold_of_a_beginning_is_the_beginning_of_the_fold(text: str, length: int) -> None:
    if text.isalpha() and text.isprintable():
        text = unicodedata.normalize("NFKC", text)
        assert fold(text).startswith(fold(text[:length])) or not unicodedata.is_normalized("NFKC", text[:length])


def test_odd_texts_cost_little() -> None:
    started = time.process_time()
    for text in (
        "a" * 100_000,
        "a." * 50_000,
        "a@" * 50_000,
        "1 " * 50_000,
        "伟" * 100_000,
        "-" * 100_000,
        "'a" * 50_000,
    ):
        words, pairs = words_of(THING, Thing(title=text))
        assert len(words) <= 300
        assert len(pairs) <= 800
    assert time.process_time() - started < 2


def test_a_search_has_at_most_500_characters_and_12_words() -> None:
    for q in ("a" * 501, " ".join("abcdefghijklm")):
        with pytest.raises(InvalidArgument) as caught:
            query_of(q)
        assert caught.value.violations[0].field == "q"


def test_a_search_of_blanks_is_none_and_one_of_signs_finds_nothing() -> None:
    assert query_of(" ") == ({}, None, False)
    assert query_of("!?").condition == {"_words": {"$in": []}}


def test_the_words_of_a_contact_cost_less_than_the_write_notices() -> None:
    contact = contact_pb2.Contact(
        given_name="Jürgen",
        family_name="Müller",
        display_name="Jürgen Müller",
        title="Head of Sales",
        email_addresses=[contact_pb2.EmailAddress(value="juergen.mueller@example.com")],
        phone_numbers=[contact_pb2.PhoneNumber(value="+49 30 1234567")],
    )
    words, pairs = words_of(CONTACT, contact)
    assert {"jurgen", "juergen", "muller", "mueller", "juergen.mueller@example.com", "example.com"} <= set(words)
    assert "mul jur" in pairs
    started = time.process_time()
    for _ in range(2_000):
        words_of(CONTACT, contact)
    assert (time.process_time() - started) / 2_000 < 0.000_3  # 0.04 ms on a quiet machine (decision 0005)
