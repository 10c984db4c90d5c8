"""Whom an event concerns, from references alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.insight import kinds
from services.insight.rules.concerns import MAX_STEPS, MAX_SUBJECTS, concern, reaching

ACCOUNT, CONTACT, LEAD = "accounts/a", "contacts/c", "leads/l"


def _concern(seeds: Sequence[str], links: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = concern(
        seeds, lambda names: {name: links.get(name, ()) for name in names}, kinds.is_customer, kinds.leads_on
    )
    return found.subjects, found.via


def test_customers_are_concerned_directly_and_through_other_records() -> None:
    links = {"messages/m": ["cases/k"], "cases/k": [ACCOUNT, CONTACT]}
    assert _concern(["messages/m"], links) == ((ACCOUNT, CONTACT), ("messages/m", "cases/k"))


def test_a_converted_lead_leads_to_whom_it_became_but_an_account_leads_nowhere() -> None:
    links = {LEAD: [ACCOUNT, "opportunities/o"], "opportunities/o": [CONTACT, LEAD], ACCOUNT: ["accounts/parent"]}
    assert _concern([LEAD], links)[0] == (LEAD, ACCOUNT, CONTACT)


def test_circles_and_long_chains_end() -> None:
    circle = {"opportunities/o": ["orders/r"], "orders/r": ["opportunities/o", ACCOUNT]}
    assert _concern(["opportunities/o"], circle)[0] == (ACCOUNT,)
    chain = {f"cases/{number}": [f"cases/{number + 1}"] for number in range(100)}
    assert len(_concern(["cases/0"], chain)[1]) == MAX_STEPS


def test_there_is_a_limit_to_how_many_are_concerned() -> None:
    assert len(_concern([f"accounts/{number}" for number in range(200)], {})[0]) == MAX_SUBJECTS


def test_what_can_never_reach_a_customer_is_not_followed() -> None:
    found = reaching({"User": ["Role"], "Role": [], "Case": ["kith.dev/Account"], "Message": ["Case"], "Note": ["*"]})
    assert found == {"Case", "Message", "Note", "kith.dev/Lead"}
    assert not kinds.leads_on("users/u")
    assert not kinds.leads_on("products/p")
    assert kinds.leads_on("deliveries/d")


def test_only_names_of_records_are_customers() -> None:
    assert kinds.is_customer("accounts/0198f3c2-0000-7000-8000-000000000000")
    for name in ("accounts/", "accounts/A B", "accounts", "accounts/a/b", "cases/k", "", "/"):
        assert not kinds.is_customer(name)
