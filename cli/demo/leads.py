"""Leads in all states: fresh, followed up, converted, and come to nothing."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cli.demo import accounts, deals, team
from cli.demo.customers import Customer, digits, staff
from cli.demo.days import Days
from cli.demo.deals import Stages
from cli.demo.materials import load
from cli.demo.plan import Json, Record, Script, Step, key, money, ref

_KNOWN = 0.06
"""Of the leads, those from companies that are accounts already."""
_STATES = (
    *("new",) * 22,
    *("working",) * 26,
    *("qualified",) * 14,
    *("disqualified",) * 20,
    *("converted",) * 18,
)


def leads(
    rng: random.Random, days: Days, companies: Iterator[Customer], known: Sequence[Customer], count: int, stages: Stages
) -> tuple[list[Record], list[Script]]:
    """So many leads as records, and what the team has done about them. `known`: companies that are accounts already."""
    records, scripts = [], []
    for number in range(1, count + 1):
        company = rng.choice(known) if rng.random() < _KNOWN else next(companies)
        account = company.key
        customer = _newcomer(rng, company)
        customer.key = key("lead", number)
        # Every state is there even when there are few.
        state = _STATES[number * 37 % len(_STATES)]
        record = _record(rng, customer)
        if state == "new" and rng.random() < 0.12:
            # It has no owner: the platform gives it to somebody.
            del record.body["owner"]
        elif state != "new" and rng.random() < 0.4:
            record.body["status"] = "LEAD_STATUS_WORKING"
        records.append(record)
        steps = list(_history(rng, days, customer, state, account, stages))
        if "status" in record.body:
            # The first step, to begin, has been made before the record came here.
            steps = steps[1:]
        if steps:
            scripts.append(Script(customer.key, steps))
    return records, scripts


def _newcomer(rng: random.Random, company: Customer) -> Customer:
    """Somebody of a company whom we do not know yet."""
    found = replace(company, contacts=[*company.contacts])
    staff(rng, found, itertools.repeat(""), 1)
    found.contacts = found.contacts[-1:]
    found.owner = str(company.place.country["owner"])
    return found


def _record(rng: random.Random, customer: Customer) -> Record:
    contact, material = customer.contacts[0], load("leads")
    source = rng.choice(material["sources"])
    body: Json = {
        "givenName": contact.person.given,
        "familyName": contact.person.family,
        "company": customer.name,
        "email": contact.email,
        "phone": digits(rng, customer.place.country["mobile"]),
        "title": contact.title,
        "website": f"https://www.{customer.domain}",
        "country": customer.place.country["country"],
        "source": source,
        "owner": ref(team.user(customer.owner)),
        "externalId": customer.key,
    }
    if source in ("Web form", "Newsletter"):
        body["message"] = rng.choice(material["messages"][customer.place.language]).format(**customer.words())
    if rng.random() < 0.3:
        body["tags"] = [rng.choice(material["tags"])]
    return Record(customer.key, "leads", body, customer.owner)


def _history(
    rng: random.Random, days: Days, customer: Customer, state: str, account: str, stages: Stages
) -> Iterator[Step]:
    owner, lead = customer.owner, ref(customer.key)
    if state == "new":
        return
    yield Step(owner, lead, {"status": "LEAD_STATUS_WORKING"})
    if state == "disqualified":
        reason = rng.choice(load("leads")["disqualified"])
        yield Step(owner, lead, {"status": "LEAD_STATUS_DISQUALIFIED", "disqualificationReason": reason})
    if state in ("qualified", "converted"):
        yield Step(owner, lead, {"status": "LEAD_STATUS_QUALIFIED"})
    if state == "converted":
        yield from _conversion(rng, days, customer, account, stages)


def _conversion(rng: random.Random, days: Days, customer: Customer, account: str, stages: Stages) -> Iterator[Step]:
    """It becomes account, contact and opportunity, or contact and opportunity of the account that it belongs to."""
    owner, lead = customer.owner, ref(customer.key)
    title, goods = deals.goods_for(rng, customer)
    amount = sum(count * deals.price(code) for code, count in goods.items())
    body: Json = {
        "opportunityDisplayName": f"{customer.name}: {title}",
        "amount": money(amount // 500 * 500 or 500),
        "closeDate": days.date(rng.randint(30, 150)),
    }
    creates = ["contacts", "opportunities", "accounts"]
    if account:
        body["account"] = ref(account)
        creates.remove("accounts")
    opportunity, found = f"{customer.key}:opportunity", f"{customer.key}:account"
    yield Step(owner, lead, body, "convert", {opportunity: "opportunity.name", found: "account"}, creates)
    if not account:
        # What the lead did not tell, the colleague has looked up.
        yield Step(owner, ref(found), accounts.researched(rng, customer))
    yield Step(owner, ref(opportunity), {"type": "Expansion" if account else "New customer"})
    for stage in itertools.islice(deals.moves(rng, 0, rng.randrange(0, len(stages.open))), 3):
        change = {"stage": stages.open[stage], "nextStep": deals.next_step(rng, stages, stage)}
        yield Step(owner, ref(opportunity), change)
