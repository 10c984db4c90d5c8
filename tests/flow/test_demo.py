"""`kith demo` makes a company that holds together, through REST, once: also when it was interrupted."""

from __future__ import annotations

import datetime
from collections import Counter
from typing import NoReturn

import pytest

from cli.check.api import Api, Json
from cli.check.expectation import eventually
from cli.demo.company import build
from cli.demo.deals import Stages
from cli.demo.filling import Made, fill
from cli.demo.plan import Wave
from cli.local.platform import Platform

SEED, SCALE = 11, 0.08
INTERRUPTED_AFTER = "opportunities"
STAGES = Stages(("Prospecting", "Qualification", "Proposal", "Negotiation"), "Won", "Lost")
KINDS = ("accounts", "contacts", "activities", "leads", "opportunities", "cases", "messages")


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


@pytest.fixture(scope="module")
def api(platform: Platform) -> Api:
    return Api(platform.addresses.gateway, platform.credentials.api_key)


@pytest.fixture(scope="module")
def made(api: Api) -> Made:
    """The company, of which the first run was interrupted in its middle."""

    def interrupt(what: str, _seconds: float) -> None:
        if what == INTERRUPTED_AFTER:
            raise Interrupted

    with pytest.raises(Interrupted):
        fill(api.gateway, api.api_key, interrupt, seed=SEED, scale=SCALE)
    # What is asked for now does not matter: it goes on with what was begun.
    return fill(api.gateway, api.api_key, lambda _what, _seconds: None, seed=SEED + 1, scale=1)


@pytest.fixture(scope="module")
def company(api: Api, made: Made) -> dict[str, Json]:
    """All records of the company, by name."""
    assert not made.already
    found = {one["name"]: one for plural in KINDS for one in api.all(plural, filter='external_id = "demo:*"')}
    others = {one["name"]: one for plural in ("orders", "products", "queues", "users") for one in api.all(plural)}
    return found | others


def test_every_record_of_the_plan_is_there_once(made: Made, company: dict[str, Json]) -> None:
    day = datetime.date.fromisoformat(made.day)
    planned = Counter(record.key for wave in build(SEED, SCALE, day, STAGES) for record in wave.records)
    there = Counter(one["externalId"] for one in company.values() if one.get("externalId", "").startswith("demo:"))
    assert set(planned.values()) == set(there.values()) == {1}
    assert planned.keys() <= there.keys()
    # What is there besides was written in the course of things, and the note that the company is made up.
    assert {key.split(":")[1] for key in there.keys() - planned.keys()} == {"case", "company"}


def test_leads_deals_and_cases_are_in_all_their_states(company: dict[str, Json]) -> None:
    assert _values(company, "leads", "status") == {
        f"LEAD_STATUS_{one}" for one in ("NEW", "WORKING", "QUALIFIED", "CONVERTED", "DISQUALIFIED")
    }
    assert _values(company, "opportunities", "state") == {f"OPPORTUNITY_STATE_{one}" for one in ("OPEN", "WON", "LOST")}
    assert _values(company, "cases", "status") >= {
        f"CASE_STATUS_{one}" for one in ("NEW", "WAITING", "RESOLVED", "CLOSED")
    }
    assert all(deal["lossReason"] for deal in _of(company, "opportunities") if deal["state"].endswith("LOST"))


def test_people_write_from_the_address_of_their_company(company: dict[str, Json]) -> None:
    for contact in _of(company, "contacts"):
        website = company[contact["account"]]["website"]
        address = contact["emailAddresses"][0]["value"]
        assert f"https://www.{address.partition('@')[2]}" == website
        assert address.isascii()


def test_cases_and_deals_stay_within_one_account(company: dict[str, Json]) -> None:
    for one in (*_of(company, "cases"), *_of(company, "opportunities"), *_of(company, "activities")):
        if "contact" in one:
            assert company[one["contact"]]["account"] == one["account"]
        if "relatedTo" in one:
            assert company[one["relatedTo"]]["account"] == one["account"]
    assert any(one.get("relatedTo", "").startswith("orders/") for one in _of(company, "cases"))


def test_what_was_won_became_an_order_of_the_same_worth(company: dict[str, Json]) -> None:
    won = [deal for deal in _of(company, "opportunities") if deal["state"].endswith("WON")]
    assert won
    for deal in won:
        order = company[deal["order"]]
        assert (order["total"], order["account"]) == (deal["amount"], deal["account"])
        assert all(company[line["product"]]["displayName"] for line in order["lines"])


def test_history_tells_who_did_what_one_after_the_other(api: Api, company: dict[str, Json]) -> None:
    longest = max(_of(company, "opportunities"), key=lambda deal: int(deal["etag"]))
    changes = list(reversed(api.get(f"{longest['name']}/changes")["changes"]))
    assert len(changes) == int(longest["etag"]) >= 3
    stages = [field for change in changes for field in change["fields"] if field["field"] == "stage"]
    assert [field.get("before") for field in stages] == [None, *(field["after"] for field in stages[:-1])]
    assert all(company[change["actor"]]["email"].endswith("@demo.example") for change in changes)


def test_a_colleague_has_left_and_somebody_else_looks_after_the_customers(company: dict[str, Json]) -> None:
    left = [one["name"] for one in _of(company, "users") if one["state"] == "USER_STATE_DEACTIVATED"]
    assert len(left) == 1
    assert all(one["owner"] not in left for one in (*_of(company, "accounts"), *_of(company, "contacts")))


def test_some_cases_were_opened_again(api: Api, company: dict[str, Json]) -> None:
    again = [one for one in _of(company, "messages") if one["externalId"].endswith(":again")]
    assert again
    for message in again:
        changes = api.get(f"{message['case']}/changes")["changes"]
        fields = [field for change in changes for field in change["fields"] if field["field"] == "status"]
        assert ("CASE_STATUS_RESOLVED", "CASE_STATUS_OPEN") in [(one.get("before"), one["after"]) for one in fields]


def test_the_platform_gives_fresh_cases_to_members_of_their_queue(api: Api, company: dict[str, Json]) -> None:
    for case in _of(company, "cases"):
        assert _assignee(api, case["name"]) in company[case["queue"]]["members"]


def test_nothing_can_reach_a_real_person(company: dict[str, Json]) -> None:
    addresses = [email["value"] for one in _of(company, "contacts") for email in one["emailAddresses"]]
    addresses += [one["email"] for one in (*_of(company, "leads"), *_of(company, "queues")) if "email" in one]
    assert addresses
    assert all(address.endswith(".example") for address in addresses)


def test_a_second_run_adds_nothing(api: Api, made: Made, company: dict[str, Json]) -> None:
    def refuse(what: str, _seconds: float) -> NoReturn:
        raise AssertionError(f"{what} was written")

    again = fill(api.gateway, api.api_key, refuse, seed=SEED + 2)
    assert (again.already, again.seed, again.scale, again.day) == (True, SEED, SCALE, made.day)
    assert (again.created, again.changes) == ({}, 0)
    assert {one["name"] for one in api.all("activities", filter='external_id = "demo:*"')} <= company.keys()


def test_no_keys_are_left_behind(api: Api, made: Made) -> None:
    assert not [key for key in api.all("apiKeys") if key["displayName"] == "kith demo"]


def test_customers_timelines_tell_it(api: Api, company: dict[str, Json]) -> None:
    last = max(one["name"] for one in _of(company, "activities") if "account" in one)
    eventually(lambda: api.first("timelineEntries", filter=f'record = "{last}"'), seconds=120, what="the last entry")
    deal = next(one for one in _of(company, "opportunities") if one["state"].endswith("WON"))
    entries = list(api.all("timelineEntries", filter=f'record = "{deal["order"]}"'))
    assert {entry["verb"] for entry in entries} >= {"created"}
    assert all(deal["account"] in entry["subjects"] for entry in entries)


def test_the_same_seed_makes_the_same_company() -> None:
    day = datetime.date(2026, 5, 4)
    assert _plan(3, day) == _plan(3, day) != _plan(4, day)


def _assignee(api: Api, case: str) -> str:
    def assigned() -> str | None:
        return api.get(case).get("assignee")

    return eventually(assigned, seconds=60, what=f"the assignment of {case}")


def _plan(seed: int, day: datetime.date) -> list[Wave]:
    return build(seed, 0.05, day, STAGES)


def _of(company: dict[str, Json], plural: str) -> list[Json]:
    return [one for name, one in company.items() if name.startswith(f"{plural}/") and _own(one, plural)]


def _own(one: Json, plural: str) -> bool:
    """Whether it is of the demo company: other tests make users, products and queues too."""
    if plural in ("users", "queues"):
        return str(one.get("email", "")).endswith("@demo.example")
    return True


def _values(company: dict[str, Json], plural: str, field: str) -> set[str]:
    return {str(one[field]) for one in _of(company, plural)}
