"""Opportunities: what they are about, how far they have come, and how they got there."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from cli.demo import team
from cli.demo.customers import Contact, Customer, Delivery
from cli.demo.days import Days
from cli.demo.materials import load
from cli.demo.plan import Json, Record, Script, Step, key, money, ref


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages of the tenant's default pipeline: the open ones in their order, and how it ends."""

    open: Sequence[str]
    won: str
    lost: str

    @property
    def quoted(self) -> int:
        """From this stage on it is known what exactly would be sold."""
        return len(self.open) * 2 // 3


class Outcome(Enum):
    """How a deal has come out, and whether the platform sees it happen or it comes from the old days."""

    OPEN = auto()
    WON = auto()
    LOST = auto()
    WON_LONG_AGO = auto()
    LOST_LONG_AGO = auto()


@dataclass(frozen=True, slots=True)
class Deal:
    """An opportunity. `goods`: product → how many. `day` is its close date, counted from today."""

    key: str
    customer: Customer
    contact: Contact
    outcome: Outcome
    title: str
    goods: dict[str, int]
    discount_percent: int
    day: int

    @property
    def order(self) -> str:
        """The key of the order that it becomes."""
        return f"{self.key}:order"

    @property
    def renews(self) -> bool:
        """Whether they go on with what they have."""
        return self.title.startswith(_RENEWAL)

    def lines(self) -> list[Json]:
        """What would be sold, at the price agreed upon."""
        return [
            {
                "product": ref(team.product(code)),
                "quantity": str(count),
                "unitPrice": money(price(code, self.discount_percent)),
            }
            for code, count in self.goods.items()
        ]

    def amount_euro(self) -> int:
        """What it is worth."""
        return sum(count * price(code, self.discount_percent) for code, count in self.goods.items())


def price(code: str, discount_percent: int = 0) -> int:
    """What one costs, in whole euros."""
    return round(int(load("team")["products"][code]["price"]) * (100 - discount_percent) / 100)


def deals(rng: random.Random, customers: Sequence[Customer], counts: dict[Outcome, int]) -> list[Deal]:
    """So many deals of each outcome, the old ones first: they tell who is a customer."""
    buyers = customers[: max(1, len(customers) * 2 // 5)]
    made: list[Deal] = []
    for outcome in (Outcome.WON_LONG_AGO, Outcome.LOST_LONG_AGO, Outcome.WON, Outcome.LOST, Outcome.OPEN):
        for _ in range(counts[outcome]):
            customer = rng.choice(buyers if outcome is Outcome.WON_LONG_AGO else customers)
            deal = _deal(rng, key("deal", len(made) + 1), customer, outcome)
            made.append(deal)
            if outcome is Outcome.WON_LONG_AGO:
                _deliver(deal)
    return made


def opportunities(
    rng: random.Random, days: Days, made: Sequence[Deal], stages: Stages
) -> tuple[list[Record], list[Script]]:
    """As records where they begin, and what happened to them since."""
    records, scripts = [], []
    for deal in made:
        last = len(stages.open) - 1
        target = last if deal.outcome is Outcome.WON else rng.randint(min(1, last), last)
        start = min(rng.choice((0, 0, 0, 1, 1, 2)), target)
        records.append(_record(rng, days, deal, stages, start))
        steps = list(_history(rng, days, deal, stages, start, target))
        if steps:
            scripts.append(Script(deal.key, steps))
    return records, scripts


def by_day(made: Sequence[Deal]) -> list[Deal]:
    """Deals of the old days first, as they came about: so numbers of orders grow with their days."""
    return sorted(made, key=lambda deal: (deal.outcome in _OF_THESE_DAYS, deal.day))


def new_customers(made: Sequence[Deal]) -> list[Script]:
    """Who has just bought for the first time is a customer from now on."""
    first = {deal.customer.key: deal.customer for deal in made if deal.outcome is Outcome.WON}
    return [
        Script(f"{one.key}:customer", [Step(one.owner, ref(one.key), {"type": "Customer"})])
        for one in first.values()
        if not one.bought and one.industry != "Bicycle retail & leasing"
    ]


def moves(rng: random.Random, start: int, target: int) -> Iterator[int]:
    """The stages that a deal passes through; some are skipped."""
    while start < target:
        start = min(target, start + rng.choice((1, 1, 2, 2, 3)))
        yield start


def next_step(rng: random.Random, stages: Stages, stage: int, *, renewal: bool = False) -> str:
    """What to do next in a stage."""
    texts = load("deals")["stages"]
    part = "renewal" if renewal else "early" if stage < 2 else "middle" if stage < stages.quoted else "late"
    return str(rng.choice(texts[part]))


def goods_for(rng: random.Random, customer: Customer) -> tuple[str, dict[str, int]]:
    """What such a company would buy, and what for."""
    uses = load("deals")["uses"][customer.industry]
    main = rng.choice(list(uses))
    count = max(2, round(customer.employees**0.5 * rng.uniform(0.3, 1.4)))
    count = max(1, count // 3) if main == "LD-XL" else min(count, 90)
    goods = {main: count}
    if main not in ("PE-C", "PE-S") and rng.random() < 0.6:
        goods["BA-630"] = max(1, count // 3)
    if count >= 6 and rng.random() < 0.5:
        goods["CH-8"] = max(1, count // 8)
    if rng.random() < 0.7:
        goods |= {"TR-1": count, rng.choice(("FC-S", "FC-P")): count}
    if rng.random() < 0.55:
        goods["SV-Y"] = count
    if rng.random() < 0.35:
        goods["TD-H"] = 1 + count // 12
    purpose = rng.choice(uses[main]).format(city=customer.place.city)
    return f"{count} × {load('team')['products'][main]['name']} for {purpose}", goods


def _deal(rng: random.Random, key: str, customer: Customer, outcome: Outcome) -> Deal:
    title, goods = _renewal(rng, customer) if _renews(rng, customer, outcome) else goods_for(rng, customer)
    first = next(iter(goods.values()))
    discount = 10 if first > 30 else 7 if first > 15 else rng.choice((0, 0, 3, 5))
    day = {
        Outcome.OPEN: rng.randint(-12, 0) if rng.random() < 0.08 else rng.randint(4, 170),
        Outcome.WON: rng.randint(-3, 0),
        Outcome.LOST: rng.randint(-3, 0),
    }.get(outcome) or -rng.randint(14, 620)
    contact = rng.choice(customer.contacts[:2])
    return Deal(key, customer, contact, outcome, title, goods, discount, day)


def _renews(rng: random.Random, customer: Customer, outcome: Outcome) -> bool:
    return outcome in _OF_THESE_DAYS and bool(_yearly(customer)) and rng.random() < 0.4


def _renewal(rng: random.Random, customer: Customer) -> tuple[str, dict[str, int]]:
    code, count = rng.choice(_yearly(customer))
    return f"{_RENEWAL} of {load('team')['products'][code]['name']}", {code: count}


def _yearly(customer: Customer) -> list[tuple[str, int]]:
    """What they pay for by the year and have had for most of one."""
    return [
        (code, count)
        for delivery in customer.deliveries
        if delivery.day < -250
        for code, count in delivery.goods.items()
        if code in ("FC-S", "FC-P", "SV-Y")
    ]


def _record(rng: random.Random, days: Days, deal: Deal, stages: Stages, start: int) -> Record:
    customer = deal.customer
    body: Json = {
        "displayName": f"{customer.name}: {deal.title}",
        "account": ref(customer.key),
        "contact": ref(deal.contact.key),
        "closeDate": days.date(deal.day),
        "owner": ref(team.user(customer.owner)),
        "type": _type(deal),
        "leadSource": rng.choice(load("deals")["sources"]),
        "description": _description(rng, deal),
        "externalId": deal.key,
    }
    if deal.outcome is Outcome.WON_LONG_AGO:
        body |= {"stage": stages.won, "lines": deal.lines(), "closeTime": days.moment(deal.day, rng)}
    elif deal.outcome is Outcome.LOST_LONG_AGO:
        body |= {"stage": stages.lost, "lines": deal.lines(), "closeTime": days.moment(deal.day, rng)}
        body["lossReason"] = _loss(rng, deal)
    else:
        # First it is an estimate; the lines come with the quote.
        estimate = max(1, round(deal.amount_euro() * rng.uniform(0.8, 1.3) / 500)) * 500
        body |= {
            "stage": stages.open[start],
            "amount": money(estimate),
            "nextStep": next_step(rng, stages, start, renewal=deal.renews),
        }
    return Record(deal.key, "opportunities", body, customer.owner)


def _description(rng: random.Random, deal: Deal) -> str:
    shop = deal.customer.industry == "Bicycle retail & leasing"
    texts = load("deals")["renewals" if deal.renews else "shops" if shop else "descriptions"]
    return str(rng.choice(texts)).format(**deal.customer.words(deal.contact))


def _type(deal: Deal) -> str:
    if deal.renews:
        return _RENEWAL
    before = any(delivery.day < deal.day for delivery in deal.customer.deliveries)
    return "Expansion" if before else "New customer"


def _history(rng: random.Random, days: Days, deal: Deal, stages: Stages, start: int, target: int) -> Iterator[Step]:
    owner, opportunity = deal.customer.owner, ref(deal.key)
    if deal.outcome is Outcome.WON_LONG_AGO:
        yield win(owner, opportunity, deal.order)
        delivered = {"orderDate": days.date(deal.day), "state": "ORDER_STATE_FULFILLED"}
        yield Step(owner, ref(deal.order), delivered)
        return
    if deal.outcome is Outcome.LOST_LONG_AGO:
        return
    quoted = False
    for stage in moves(rng, start, target):
        change: Json = {"stage": stages.open[stage], "nextStep": next_step(rng, stages, stage, renewal=deal.renews)}
        if stage >= stages.quoted and not quoted:
            change["lines"] = deal.lines()
            quoted = True
        yield Step(owner, opportunity, change)
    if deal.outcome is Outcome.OPEN and deal.day > 0 and rng.random() < 0.15:
        yield Step(owner, opportunity, {"closeDate": days.date(deal.day + rng.choice((14, 30, 60)))})
    if deal.outcome is Outcome.WON:
        yield win(owner, opportunity, deal.order)
    if deal.outcome is Outcome.LOST:
        yield Step(owner, opportunity, {"lossReason": _loss(rng, deal)}, "lose")


def win(owner: str, opportunity: str, order: str) -> Step:
    """The deal is won and becomes an order."""
    return Step(owner, opportunity, {}, "win", keeps={order: "order.name"}, creates=("orders",))


def _loss(rng: random.Random, deal: Deal) -> str:
    return str(rng.choice(load("deals")["losses"])).format(**deal.customer.words(deal.contact))


def _deliver(deal: Deal) -> None:
    customer = deal.customer
    customer.deliveries.append(Delivery(deal.order, deal.day, deal.goods))
    for code, count in deal.goods.items():
        customer.bought[code] = customer.bought.get(code, 0) + count


_OF_THESE_DAYS = frozenset({Outcome.OPEN, Outcome.WON, Outcome.LOST})
_RENEWAL = "Renewal"
