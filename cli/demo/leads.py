"""Leads in all states: fresh, followed up, converted, and come to nothing."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence

from cli.demo import accounts, deals, team
from cli.demo.customers import Customer, digits, staff
from cli.demo.days import Days
from cli.demo.deals import Stages
from cli.demo.materials import load
from cli.demo.plan import Json, Record, Script, Step, key, money, ref

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
        customer = next(companies)
        staff(rng, customer, itertools.repeat(""), 1)
        customer.key = key("lead", number)
        # Every state is there even when there are few.
        state = _STATES[number * 37 % len(_STATES)]
        unowned = state == "new" and rng.random() < 0.12
        records.append(_record(rng, customer, unowned))
        steps = list(_history(rng, days, customer, state, known, stages))
        if steps:
            scripts.append(Script(customer.key, steps))
    return records, scripts


def _record(rng: random.Random, customer: Customer, unowned: bool) -> Record:
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
        "externalId": customer.key,
    }
    if source in ("Web form", "Newsletter"):
        body["message"] = rng.choice(material["messages"][customer.place.language]).format(**customer.words())
    if rng.random() < 0.3:
        body["tags"] = [rng.choice(material["tags"])]
    if not unowned:
        body["owner"] = ref(team.user(customer.owner))
    return Record(customer.key, "leads", body, customer.owner)


def _history(
    rng: random.Random, days: Days, customer: Customer, state: str, known: Sequence[Customer], stages: Stages
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
        yield from _conversion(rng, days, customer, known, stages)


def _conversion(
    rng: random.Random, days: Days, customer: Customer, known: Sequence[Customer], stages: Stages
) -> Iterator[Step]:
    """It becomes account, contact and opportunity; some people are new at a company that we know."""
    owner, lead = customer.owner, ref(customer.key)
    title, goods = deals.goods_for(rng, customer)
    amount = sum(count * deals.price(code) for code, count in goods.items())
    body: Json = {
        "opportunityDisplayName": f"{customer.name}: {title}",
        "amount": money(amount // 500 * 500 or 500),
        "closeDate": days.date(rng.randint(30, 150)),
    }
    creates = ["contacts", "opportunities", "accounts"]
    same = [one for one in known if one.place.code == customer.place.code and one.owner == owner]
    if same and rng.random() < 0.15:
        body["account"] = ref(rng.choice(same).key)
        creates.remove("accounts")
    opportunity, account = f"{customer.key}:opportunity", f"{customer.key}:account"
    keeps = {opportunity: "opportunity.name", account: "account"}
    yield Step(owner, lead, body, "convert", keeps, creates)
    if "account" not in body:
        # What the lead did not tell, the colleague has looked up.
        yield Step(owner, ref(account), accounts.researched(rng, customer))
    yield Step(owner, ref(opportunity), {"type": "Expansion" if "account" in body else "New customer"})
    for stage in itertools.islice(deals.moves(rng, 0, rng.randrange(0, len(stages.open))), 3):
        change = {"stage": stages.open[stage], "nextStep": deals.next_step(rng, stages, stage)}
        yield Step(owner, ref(opportunity), change)
