"""Real Salesforce exports go in through REST, and come out with every reference intact."""

from __future__ import annotations

import pytest

from cli.check.api import Api, Json
from cli.local.platform import Platform
from tests.flow import salesforce
from tests.flow.salesforce import Loaded, external_id


@pytest.fixture(scope="module")
def api(platform: Platform) -> Api:
    return Api(platform.addresses.gateway, platform.credentials.api_key)


@pytest.fixture(scope="module")
def owner(api: Api) -> str:
    user = api.first("users")
    assert user is not None
    return str(user["name"])


def test_1412_accounts_contacts_and_cases_keep_their_references(api: Api, owner: str) -> None:
    export = salesforce.folder("salesforce-export")
    loaded = salesforce.load(api, export, owner)
    assert [len(part) for part in (loaded.accounts, loaded.contacts, loaded.cases)] == [1412, 1412, 1412]
    contacts = _by_external_id(api, "contacts", loaded.contacts)
    for row in salesforce.rows(export / "Contact.csv"):
        assert contacts[row["Id"]]["account"] == loaded.accounts[row["AccountId"]]
    cases = _by_external_id(api, "cases", loaded.cases)
    for row in salesforce.rows(export / "Case.csv"):
        case = cases[row["Id"]]
        assert case["account"] == loaded.accounts[row["AccountId"]]
        assert case["contact"] == loaded.contacts[row["ContactId"]]
        assert case["subject"] == row["Subject"]
    closed = api.all("cases", filter="status = CASE_STATUS_CLOSED AND external_id = salesforce*")
    assert sum(1 for _ in closed) == 564


def test_83_accounts_133_contacts_and_774_opportunities_keep_their_references(api: Api, owner: str) -> None:
    export = salesforce.folder("salesforce-export-opps")
    loaded = salesforce.load(api, export, owner)
    assert [len(part) for part in (loaded.accounts, loaded.contacts, loaded.opportunities)] == [83, 133, 774]
    _managers_are_kept(api, loaded, salesforce.rows(export / "Contact.csv"))
    deals = _by_external_id(api, "opportunities", loaded.opportunities)
    for row in salesforce.rows(export / "Opportunity.csv"):
        deal = deals[row["Id"]]
        assert deal["account"] == loaded.accounts[row["AccountId"]]
        assert (deal["stage"], str(deal.get("probabilityPercent", 0))) == (row["StageName"], row["Probability"])
    won = api.all("opportunities", filter="state = OPPORTUNITY_STATE_WON AND external_id = salesforce*")
    assert sum(1 for _ in won) == 640


def _managers_are_kept(api: Api, loaded: Loaded, rows: list[dict[str, str]]) -> None:
    contacts = _by_external_id(api, "contacts", loaded.contacts)
    reporting = [row for row in rows if row["ReportsToId"]]
    assert len(reporting) == 30
    for row in reporting:
        assert contacts[row["Id"]]["reportsTo"] == loaded.contacts[row["ReportsToId"]]


def _by_external_id(api: Api, plural: str, expected: dict[str, str]) -> dict[str, Json]:
    """All records of a kind that came from Salesforce, by their id there; they are those that were created."""
    wanted = {external_id(identifier) for identifier in expected}
    found = {record["externalId"]: record for record in api.all(plural) if record.get("externalId") in wanted}
    assert {identifier: found[external_id(identifier)]["name"] for identifier in expected} == expected
    return {identifier: found[external_id(identifier)] for identifier in expected}
