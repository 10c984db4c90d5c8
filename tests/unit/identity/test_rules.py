"""Permissions, passwords, proofs and waits: the rules of identity."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis import protos
from services.chassis.permissions import grants
from services.identity.rules import attempts, proofs
from services.identity.rules.passwords import fault
from services.identity.rules.permissions import excess, is_valid, overlap, union
from services.identity.rules.roles import STANDARD, StandardRole

_PART = st.sampled_from(["contacts", "leads", "cases"])
_VERB = st.sampled_from(["read", "create", "delete"])
_PERMISSION = st.builds("{}.{}".format, _PART, _VERB)
_PATTERN = st.one_of(
    st.just("*"), _PERMISSION, st.builds("{}.*".format, _PART), st.builds("*.{}".format, _VERB), st.just("*.*")
)
_PATTERNS = st.lists(_PATTERN, max_size=5)


def _allows(patterns: Iterable[str], permission: str) -> bool:
    return grants(frozenset(union(patterns)), permission)


@given(_PATTERNS, _PATTERNS, _PERMISSION)
def test_an_overlap_allows_what_both_sides_allow_and_nothing_else(one: list[str], other: list[str], asked: str) -> None:
    assert _allows(overlap(one, other), asked) == (_allows(one, asked) and _allows(other, asked))


@given(_PATTERNS, _PATTERNS, _PERMISSION)
def test_a_union_allows_what_either_side_allows_and_nothing_else(one: list[str], other: list[str], asked: str) -> None:
    assert _allows([*one, *other], asked) == (_allows(one, asked) or _allows(other, asked))


@given(_PATTERNS, _PATTERNS, _PERMISSION)
def test_what_does_not_exceed_the_held_permissions_adds_nothing_to_them(
    wanted: list[str], held: list[str], asked: str
) -> None:
    if not excess(wanted, held) and _allows(wanted, asked):
        assert _allows(held, asked)


@pytest.mark.parametrize(
    "text", ["", "contacts", "contacts.", ".read", "a.b.c", "operator", "signedIn", "public", "**"]
)
def test_what_is_no_permission_cannot_be_granted(text: str) -> None:
    assert not is_valid(text)


def test_a_star_does_not_make_an_operator() -> None:
    assert not grants(frozenset({"*", "operator", "*.*"}), "operator")


def test_the_web_form_role_hands_in_leads_and_sees_nothing() -> None:
    role = next(role for role in STANDARD if role.key == "web-form")
    assert grants(frozenset(role.permissions), "leads.create")
    assert not grants(frozenset(role.permissions), "leads.read")


@pytest.mark.parametrize("role", STANDARD, ids=[role.key for role in STANDARD])
def test_every_standard_role_grants_permissions_that_some_method_asks_for(role: StandardRole) -> None:
    asked = {protos.permission(method) for service in protos.services() for method in service.methods}
    for permission in role.permissions:
        assert is_valid(permission)
        assert any(grants(frozenset({permission}), one) for one in asked if "." in one), permission


@pytest.mark.parametrize(
    ("password", "advice"),
    [
        ("elevenchars", "12 to 1024"),
        ("x" * 1025, "12 to 1024"),
        ("aaaaaaaaaaaa", "different"),
        ("password1234", "guessed first"),
        ("Admin@demo.example1", "guessed first"),
        ("correct horse battery", ""),
        ("дванадцать букв", ""),
    ],
)
def test_a_weak_password_is_refused_with_advice(password: str, advice: str) -> None:
    found = fault(password, "admin@demo.example")
    assert advice in found if advice else found == ""


def test_a_proof_is_parsed_back_to_its_record_and_its_digest() -> None:
    identifier = str(uuid.uuid4())
    text = proofs.new(proofs.API_KEY, identifier)
    parsed = proofs.parse(proofs.API_KEY, text)
    assert parsed is not None
    assert (parsed.identifier, parsed.digest) == (identifier, proofs.digest(text))
    assert text.startswith(proofs.visible(proofs.API_KEY, identifier))
    assert proofs.parse(proofs.REFRESH_TOKEN, text) is None


@pytest.mark.parametrize("text", ["", "kith_", "kith_x_y", "kith_" + "0" * 32 + "_" + "A" * 52, "kith_" + "0" * 32])
def test_a_text_of_another_shape_is_no_proof(text: str) -> None:
    assert proofs.parse(proofs.API_KEY, text) is None


def test_waits_begin_after_the_free_failures_and_double_up_to_a_quarter_of_an_hour() -> None:
    waits = attempts.waits(free=3, longest=attempts.LONGEST_SECONDS)
    assert waits[:7] == (0, 0, 0, 0, 1, 2, 4)
    assert waits[-1] == attempts.LONGEST_SECONDS
