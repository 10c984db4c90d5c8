"""The companies and people whom the team knows, as records."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from cli.demo import team
from cli.demo.customers import Contact, Customer, digits, staff
from cli.demo.materials import load
from cli.demo.plan import Json, Record, key, money, ref

_LEAVERS_SHARE = 0.2
"""Of the Nordic accounts, those that the colleague had who leaves."""


def found(rng: random.Random, companies: Iterator[Customer], count: int) -> list[Customer]:
    """So many companies with their people and owners."""
    leaver = load("team")["leaver"]
    keys = (key("contact", number) for number in itertools.count(1))
    chosen = list(itertools.islice(companies, count))
    for number, customer in enumerate(chosen, start=1):
        customer.key = key("account", number)
        staff(rng, customer, keys, min(customer.employees, rng.choice((2, 2, 3, 3, 3, 4, 4, 5))))
        if customer.owner == leaver["heir"] and rng.random() < _LEAVERS_SHARE:
            customer.owner = leaver["user"]
    return chosen


def accounts(rng: random.Random, customers: list[Customer]) -> list[Record]:
    """Their accounts; those that bought are customers."""
    return [Record(one.key, "accounts", _account(rng, one, number), one.owner) for number, one in enumerate(customers)]


def contacts(rng: random.Random, customers: list[Customer], *, heads: bool) -> list[Record]:
    """The first of each company, or else those who report to that one."""
    chosen = [
        (customer, contact)
        for customer in customers
        for contact in (customer.contacts[:1] if heads else customer.contacts[1:])
    ]
    return [Record(one.key, "contacts", _contact(rng, customer, one), customer.owner) for customer, one in chosen]


def researched(rng: random.Random, customer: Customer) -> Json:
    """What anybody can find out about a company."""
    return {
        "type": _type(customer),
        "industry": customer.industry,
        "phone": digits(rng, customer.place.phone),
        "billingAddress": customer.place.address(rng),
        "employeeCount": str(customer.employees),
    }


def _account(rng: random.Random, customer: Customer, number: int) -> Json:
    industry = load("companies")["industries"][customer.industry]
    address = customer.place.address(rng)
    body: Json = {
        "displayName": customer.name,
        "type": _type(customer),
        "industry": customer.industry,
        "website": f"https://www.{customer.domain}",
        "phone": digits(rng, customer.place.phone),
        "billingAddress": address,
        "shippingAddress": address if rng.random() < 0.6 else customer.place.address(rng),
        "employeeCount": str(customer.employees),
        "rating": rng.choice(("Hot", "Warm") if customer.bought else ("Hot", "Warm", "Warm", "Cold")),
        "owner": ref(team.user(customer.owner)),
        "tags": rng.choice(([], [], ["key-account"], ["green-city"], ["seasonal"])),
        "externalId": customer.key,
    }
    if industry["revenue"]:
        per_head = industry["revenue"] * rng.uniform(0.8, 1.3)
        body["annualRevenue"] = money(round(customer.employees * per_head) * 1000)
    if customer.bought:
        body["accountNumber"] = f"K-{10200 + number * 7}"
    return body


def _type(customer: Customer) -> str:
    if customer.industry == "Bicycle retail & leasing":
        return "Partner"
    return "Customer" if customer.bought else "Prospect"


def _contact(rng: random.Random, customer: Customer, contact: Contact) -> Json:
    phones = [{"value": digits(rng, customer.place.phone), "type": "work"}]
    if rng.random() < 0.7:
        phones.append({"value": digits(rng, customer.place.country["mobile"]), "type": "mobile"})
    body: Json = {
        "givenName": contact.person.given,
        "familyName": contact.person.family,
        "title": contact.title,
        "department": contact.department,
        "emailAddresses": [{"value": contact.email, "type": "work"}],
        "phoneNumbers": phones,
        "account": ref(customer.key),
        "mailingAddress": customer.place.address(rng),
        "leadSource": rng.choice(load("deals")["sources"]),
        "owner": ref(team.user(customer.owner)),
        "emailOptOut": rng.random() < 0.06,
        "doNotCall": rng.random() < 0.04,
        "externalId": contact.key,
    }
    if contact.person.display:
        body["displayName"] = contact.person.display
    if contact is not customer.contacts[0]:
        body["reportsTo"] = ref(customer.contacts[0].key)
    return body
