"""Calls, meetings, mails, notes, and what is to be done next."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from cli.demo import team
from cli.demo.customers import Contact, Customer
from cli.demo.days import Days
from cli.demo.deals import Deal, Outcome
from cli.demo.materials import load
from cli.demo.plan import Json, Record, key, ref


class Activities:
    """Makes activities with keys of their own."""

    def __init__(self, rng: random.Random, days: Days) -> None:
        self._rng = rng
        self._days = days
        self._count = 0

    def first(self, customers: Iterable[Customer]) -> Iterator[Record]:
        """How we came to know them."""
        for customer in customers:
            for day in self._past(self._rng.choice((0, 1, 1, 2, 2, 3)), 300, 640):
                yield self._make("first", customer, customer.contacts[0], day)

    def about(self, deals: Sequence[Deal]) -> Iterator[Record]:
        """What was said while a deal was in the making, and after delivery."""
        for deal in deals:
            end = -min(deal.day, -1)
            for day in self._past(self._rng.choice((0, 0, 1, 1, 2)), end, end + 60):
                yield self._make("deal", deal.customer, deal.contact, day, deal.key)
            if deal.outcome is Outcome.WON_LONG_AGO and end > 30 and self._rng.random() < 0.6:
                yield self._make("customer", deal.customer, deal.contact, -self._rng.randint(2, end - 20))

    def next(self, deals: Sequence[Deal]) -> Iterator[Record]:
        """What is to be done; what the colleague who left had to do, the heir does."""
        leaver = load("team")["leaver"]
        for deal in deals:
            if deal.outcome is Outcome.OPEN and self._rng.random() < 0.5:
                owner = deal.customer.owner
                owner = leaver["heir"] if owner == leaver["user"] else owner
                day = self._rng.randint(-2, 0) if self._rng.random() < 0.12 else self._rng.randint(1, 21)
                yield self._make("next", deal.customer, deal.contact, day, deal.key, owner)

    def _past(self, count: int, nearest: int, farthest: int) -> list[int]:
        return sorted(-self._rng.randint(nearest, farthest) for _ in range(count))

    def _make(
        self, what: str, customer: Customer, contact: Contact, day: int, deal: str = "", owner: str = ""
    ) -> Record:
        kind, subject, text, minutes = self._rng.choice(load("activities")[what])
        owner, words = owner or customer.owner, customer.words(contact)
        self._count += 1
        moment = self._days.moment(day, self._rng)
        body: Json = {
            "type": f"ACTIVITY_TYPE_{kind}",
            "subject": subject.format(**words),
            "body": text.format(**words),
            "state": "ACTIVITY_STATE_PLANNED" if what == "next" else "ACTIVITY_STATE_COMPLETED",
            "account": ref(customer.key),
            "contact": ref(contact.key),
            "owner": ref(team.user(owner)),
            "externalId": key("activity", self._count),
        }
        body["dueTime" if kind == "TASK" else "startTime"] = moment
        if minutes:
            body["durationSeconds"] = str(minutes * 60)
        if deal:
            body["relatedTo"] = ref(deal)
        return Record(body["externalId"], "activities", body, owner)
