"""Real Salesforce exports, as records of Kith: ids become external ids, foreign keys become names."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from cli.check.api import Api, Json

_STATUS = {"New": "CASE_STATUS_NEW", "Escalated": "CASE_STATUS_OPEN", "Closed": "CASE_STATUS_CLOSED"}


def folder(name: str) -> Path:
    """A folder of real data; the test is skipped where there is none."""
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    found = Path(os.environ.get("KITH_REAL_DATA", default)) / name
    if not found.is_dir():
        pytest.skip(f"the real data in {name} are not here: set KITH_REAL_DATA")
    return found


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of an export; the byte order mark that some have is dropped."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class Loaded:
    """What one export became: Salesforce's id → Kith's name, for each kind."""

    accounts: dict[str, str]
    contacts: dict[str, str]
    cases: dict[str, str]
    opportunities: dict[str, str]


def load(api: Api, export: Path, owner: str) -> Loaded:
    """Loads an export through REST: accounts first, then what refers to them."""
    key = export.name
    accounts = _names(api.batch_create("accounts", "account", _accounts(export, owner), key=f"{key}-a"))
    people = rows(export / "Contact.csv")
    contacts = _names(api.batch_create("contacts", "contact", _contacts(people, accounts, owner), key=f"{key}-c"))
    for row in people:
        if row["ReportsToId"]:
            manager = {"reportsTo": contacts[row["ReportsToId"]]}
            api.patch(contacts[row["Id"]], manager, key=f"{key}-r-{row['Id']}")
    cases, opportunities = {}, {}
    if (export / "Case.csv").exists():
        listed = _cases(export, accounts, contacts, owner)
        cases = _names(api.batch_create("cases", "case", listed, key=f"{key}-k"))
    if (export / "Opportunity.csv").exists():
        deals = _opportunities(export, accounts, owner)
        opportunities = _names(api.batch_create("opportunities", "opportunity", deals, key=f"{key}-o"))
    return Loaded(accounts, contacts, cases, opportunities)


def external_id(identifier: str) -> str:
    """How a Salesforce id is kept."""
    return f"salesforce:{identifier}"


def _names(created: list[Json]) -> dict[str, str]:
    return {record["externalId"].removeprefix("salesforce:"): record["name"] for record in created}


def _accounts(export: Path, owner: str) -> list[Json]:
    return [
        _present(
            displayName=row["Name"],
            type=row["Type"],
            industry=row["Industry"],
            website=row["Website"],
            phone=row["Phone"],
            accountNumber=row["AccountNumber"],
            description=row["Description"],
            employeeCount=row["NumberOfEmployees"],
            annualRevenue=_money(row["AnnualRevenue"]),
            billingAddress=_address(row, "Billing"),
            shippingAddress=_address(row, "Shipping"),
            owner=owner,
            externalId=external_id(row["Id"]),
        )
        for row in rows(export / "Account.csv")
    ]


def _contacts(people: list[dict[str, str]], accounts: dict[str, str], owner: str) -> list[Json]:
    return [
        _present(
            givenName=row["FirstName"],
            familyName=row["LastName"],
            honorificPrefix=row["Salutation"],
            title=row["Title"],
            department=row["Department"],
            leadSource=row["LeadSource"],
            emailAddresses=[{"value": row["Email"], "type": "work"}] if row["Email"] else [],
            phoneNumbers=[
                {"value": row[column], "type": kind}
                for column, kind in (("Phone", "work"), ("MobilePhone", "mobile"), ("HomePhone", "home"))
                if row[column]
            ],
            mailingAddress=_address(row, "Mailing"),
            otherAddress=_address(row, "Other"),
            account=accounts[row["AccountId"]],
            owner=owner,
            externalId=external_id(row["Id"]),
        )
        for row in people
    ]


def _cases(export: Path, accounts: dict[str, str], contacts: dict[str, str], owner: str) -> list[Json]:
    return [
        _present(
            subject=row["Subject"],
            description=row["Description"],
            status=_STATUS[row["Status"]],
            priority=f"CASE_PRIORITY_{row['Priority'].upper()}",
            origin=row["Origin"],
            type=row["Type"],
            reason=row["Reason"],
            tags=["escalated"] if row["Status"] == "Escalated" else [],
            account=accounts[row["AccountId"]],
            contact=contacts[row["ContactId"]],
            assignee=owner,
            externalId=external_id(row["Id"]),
        )
        for row in rows(export / "Case.csv")
    ]


def _opportunities(export: Path, accounts: dict[str, str], owner: str) -> list[Json]:
    return [
        _present(
            displayName=row["Name"],
            description=row["Description"],
            stage=row["StageName"],
            amount=_money(row["Amount"]),
            probabilityPercent=int(row["Probability"]),
            closeDate=row["CloseDate"],
            type=row["Type"],
            leadSource=row["LeadSource"],
            nextStep=row["NextStep"],
            account=accounts[row["AccountId"]],
            owner=owner,
            externalId=external_id(row["Id"]),
        )
        for row in rows(export / "Opportunity.csv")
    ]


def _money(text: str) -> Json | None:
    return {"currencyCode": "USD", "amountMinor": str(int(Decimal(text) * 100))} if text else None


def _address(row: dict[str, str], kind: str) -> Json | None:
    parts = {"street": "Street", "city": "City", "region": "State", "postalCode": "PostalCode", "country": "Country"}
    return _present(**{name: row[kind + column] for name, column in parts.items()}) or None


def _present(**fields: object) -> Json:
    return {name: value for name, value in fields.items() if value not in ("", None, [])}
