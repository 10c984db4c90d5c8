"""Cases with what was said in them: old ones that are closed, those of these days with what is done about them now."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cli.demo import team
from cli.demo.customers import Contact, Customer, Delivery
from cli.demo.days import Days
from cli.demo.materials import load
from cli.demo.plan import Json, Record, Script, Step, key, ref

_FRESH, _LIVE = 0.07, 0.36
_SOON_DAYS = 40
_LATEST = -12
_ORIGINS = ("Email", "Email", "Email", "Phone", "Web form")


@dataclass(frozen=True, slots=True)
class Ticket:
    """A case. `day`: when it came in, counted from today; `words`: what its texts may name."""

    key: str
    subject: str
    topic: Mapping[str, Any]
    customer: Customer
    contact: Contact
    delivery: Delivery | None
    agent: str
    origin: str
    day: int
    words: Mapping[str, str]

    def text(self, what: str) -> str:
        """One of the topic's texts, about this case."""
        return str(self.topic[what]).format_map(self.words)

    def answer(self, what: str) -> str:
        """One of the topic's texts as we write it to the customer."""
        given = self.contact.person.given
        return (
            f"Hello {given},\n\n{self.text(what)}\n\nBest regards\n{team.name(self.agent)}\nFjordhjul customer service"
        )


@dataclass(frozen=True, slots=True)
class Cases:
    """Everything about cases that is to be written: first the cases, then what was said, then what is done now."""

    old: list[Record]
    cases: list[Record]
    messages: list[Record]
    scripts: list[Script]


def cases(rng: random.Random, days: Days, customers: Sequence[Customer], count: int) -> Cases:
    """So many cases; most come from customers, the more the more they have."""
    made = Cases([], [], [], [])
    weights = [0.15 + len(customer.deliveries) + sum(customer.bought.values()) / 40 for customer in customers]
    tickets: list[tuple[Ticket, str]] = []
    for number in range(1, count + 1):
        share = number / count
        age = "fresh" if share > 1 - _FRESH else "live" if share > 1 - _LIVE else "old"
        tickets.append((_ticket(rng, key("case", number), rng.choices(customers, weights)[0], age), age))
    for ticket, age in sorted(tickets, key=lambda one: one[0].day):
        (made.old if age == "old" else made.cases).append(_record(rng, days, ticket, age))
        made.messages.extend(_said(rng, days, ticket, age))
        if age == "live":
            made.scripts.append(Script(ticket.key, list(_handled(rng, ticket))))
    return made


def _ticket(rng: random.Random, key: str, customer: Customer, age: str) -> Ticket:
    delivery = rng.choice(customer.deliveries) if customer.deliveries else None
    topic = rng.choice(_topics(delivery, age))
    contact = rng.choice(customer.contacts)
    product = _product(rng, topic, delivery)
    words = customer.words(contact) | {
        "product": load("team")["products"][product]["name"],
        "quantity": str(delivery.goods[product]) if delivery and product in delivery.goods else "2",
        "serial": f"{product.replace('-', '')}-{rng.randint(2300, 2699)}-{rng.randint(100, 999)}",
    }
    agent = rng.choice(load("team")["queues"][topic["queue"]]["members"])
    day = _day(rng, topic, delivery) if age == "old" else 0
    subject = rng.choice(topic["subjects"]).format_map(words)
    return Ticket(key, subject, topic, customer, contact, delivery, agent, rng.choice(_ORIGINS), day, words)


def _topics(delivery: Delivery | None, age: str) -> list[Mapping[str, Any]]:
    """What somebody with that delivery may ask."""
    topics: list[Mapping[str, Any]] = load("cases")
    everybody = [one for one in topics if not one["needs"]]
    if delivery is None:
        return everybody
    recent = age == "old" or delivery.day > -_SOON_DAYS
    fitting = [one for one in topics if set(delivery.goods) & {*one["needs"]} and (recent or "soon" not in one)]
    return fitting or everybody


def _product(rng: random.Random, topic: Mapping[str, Any], delivery: Delivery | None) -> str:
    """What it is about: the bike, where the topic is something on bikes."""
    products, goods = load("team")["products"], [*delivery.goods] if delivery else []
    bikes = [code for code in goods if products[code]["kind"] == "bike"]
    named = [code for code in topic["needs"] if code in goods]
    if named and products[named[0]]["kind"] == "power":
        return str(named[0])
    return str(rng.choice([code for code in named if code in bikes] or bikes or ["LD-250"]))


def _day(rng: random.Random, topic: Mapping[str, Any], delivery: Delivery | None) -> int:
    """When an old case came in."""
    if delivery is None:
        return rng.randint(-200, _LATEST)
    first = min(delivery.day + 5, _LATEST)
    last = min(delivery.day + _SOON_DAYS, _LATEST) if "soon" in topic else _LATEST
    return rng.randint(first, last)


def _record(rng: random.Random, days: Days, ticket: Ticket, age: str) -> Record:
    topic = ticket.topic
    body: Json = {
        "subject": ticket.subject,
        "description": ticket.text("text"),
        "priority": f"CASE_PRIORITY_{topic['priority']}",
        "origin": ticket.origin,
        "type": topic["type"],
        "reason": topic["reason"],
        "account": ref(ticket.customer.key),
        "contact": ref(ticket.contact.key),
        "queue": ref(team.queue(topic["queue"])),
        "externalId": ticket.key,
    }
    if ticket.delivery and topic["needs"]:
        body["relatedTo"] = ref(ticket.delivery.order)
    if age != "fresh":
        # A fresh case has no assignee: the platform gives it to a member of its queue.
        body["assignee"] = ref(team.user(ticket.agent))
    if age == "old":
        body["status"] = rng.choice(("CASE_STATUS_CLOSED", "CASE_STATUS_CLOSED", "CASE_STATUS_RESOLVED"))
        body["resolution"] = ticket.text("solution")
        body["resolveTime"] = days.moment(min(ticket.day + rng.randint(4, 11), -1), rng)
    return Record(ticket.key, "cases", body, load("team")["reception"])


def _said(rng: random.Random, days: Days, ticket: Ticket, age: str) -> Iterator[Record]:
    """What was said before today; of new cases the customer's first word."""
    texts = [("text", True)]
    if age == "old":
        texts += [("reply", False), ("answer", True)] if rng.random() < 0.7 else [("reply", False)]
    for number, (what, inbound) in enumerate(texts):
        if number == 0 and ticket.origin == "Phone":
            continue
        body = _inbound(ticket, what) if inbound else _outbound(ticket, what)
        if age == "old":
            body["sendTime"] = days.moment(ticket.day + number, rng)
        yield Record(body["externalId"], "messages", body, ticket.agent)


def _handled(rng: random.Random, ticket: Ticket) -> Iterator[Step]:
    """What happens today, up to some point: taken, handed over, answered, solved, opened again, solved for good."""
    case, agent = ref(ticket.key), ticket.agent
    yield Step(agent, case, {"status": "CASE_STATUS_OPEN"})
    others = [one for one in load("team")["queues"][ticket.topic["queue"]]["members"] if one != agent]
    if rng.random() < 0.2:
        yield Step(agent, case, {"priority": "CASE_PRIORITY_URGENT", "tags": ["escalated"]})
        agent = rng.choice(others)
        yield Step(ticket.agent, case, {"assignee": ref(team.user(agent))}, "assign")
        ticket = replace(ticket, agent=agent)
    point = rng.random()
    if point < 0.15:
        return
    yield _reply(ticket, "reply")
    if point < 0.35:
        return
    yield _write(ticket, "answer")
    if point < 0.45:
        return
    yield Step(agent, case, {"resolution": ticket.text("solution")}, "resolve")
    if point < 0.75:
        return
    # The customer's next word opens the case again.
    yield _write(ticket, "again")
    yield _reply(ticket, "more")
    if point < 0.83:
        return
    yield Step(agent, case, {"resolution": ticket.text("final")}, "resolve")
    yield Step(agent, case, {"status": "CASE_STATUS_CLOSED"})


def _reply(ticket: Ticket, what: str) -> Step:
    return Step(ticket.agent, ref(ticket.key), {"body": ticket.answer(what)}, "reply", creates=("messages",))


def _write(ticket: Ticket, what: str) -> Step:
    """The customer writes; an agent's mail program hands it in."""
    return Step(ticket.agent, "messages", _inbound(ticket, what), creates=("messages",))


def _inbound(ticket: Ticket, what: str) -> Json:
    return {
        "case": ref(ticket.key),
        "direction": "MESSAGE_DIRECTION_INBOUND",
        "subject": ticket.subject if what == "text" else f"Re: {ticket.subject}",
        "body": f"Hello,\n\n{ticket.text(what)}\n\n{ticket.contact.person.name}\n{ticket.customer.name}",
        "fromAddress": ticket.contact.email,
        "toAddresses": [f"{ticket.topic['queue']}@{team.DOMAIN}"],
        "author": ref(ticket.contact.key),
        "externalId": f"{ticket.key}:{what}",
    }


def _outbound(ticket: Ticket, what: str) -> Json:
    return {
        "case": ref(ticket.key),
        "direction": "MESSAGE_DIRECTION_OUTBOUND",
        "subject": f"Re: {ticket.subject}",
        "body": ticket.answer(what),
        "fromAddress": f"{ticket.topic['queue']}@{team.DOMAIN}",
        "toAddresses": [ticket.contact.email],
        "author": ref(team.user(ticket.agent)),
        "externalId": f"{ticket.key}:{what}",
    }
