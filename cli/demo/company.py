"""The whole company: every record and every step, in the order in which things come about."""

from __future__ import annotations

import datetime
import random
from collections.abc import Sequence

from cli.demo import accounts, deals, leads, support, team
from cli.demo.activities import Activities
from cli.demo.customers import customers
from cli.demo.days import Days
from cli.demo.deals import Outcome, Stages
from cli.demo.materials import load
from cli.demo.plan import Script, Step, Wave, ref

ACCOUNTS, LEADS, CASES = 320, 220, 420
DEALS = {
    Outcome.WON_LONG_AGO: 115,
    Outcome.LOST_LONG_AGO: 85,
    Outcome.WON: 28,
    Outcome.LOST: 22,
    Outcome.OPEN: 190,
}


def build(seed: int, scale: float, today: datetime.date, stages: Stages) -> list[Wave]:
    """The plan. With `scale` 1 it has 320 accounts, and all else in proportion; 2 is the most."""

    def scaled(count: int) -> int:
        return max(3, round(count * scale))

    def dice(what: str) -> random.Random:
        """Each part throws its own dice, so that one part's change leaves the others as they are."""
        return random.Random(f"{seed} {what}")

    days = Days(today)
    companies = customers(dice("companies"))
    known = accounts.found(dice("staff"), companies, scaled(ACCOUNTS))
    made = deals.deals(dice("deals"), known, {outcome: scaled(count) for outcome, count in DEALS.items()})
    interested = leads.leads(dice("leads"), days, companies, known, scaled(LEADS), stages)
    opportunities = deals.opportunities(dice("opportunities"), days, deals.by_day(made), stages)
    asked = support.cases(dice("cases"), days, known, scaled(CASES))
    doings = Activities(dice("activities"), days)
    people = dice("contacts")
    waves = [
        Wave("accounts", accounts.accounts(dice("accounts"), known)),
        Wave("contacts", accounts.contacts(people, known, heads=True)),
        Wave("their colleagues", accounts.contacts(people, known, heads=False)),
        Wave("first meetings", list(doings.first(known))),
        Wave("leads", *interested),
        Wave("opportunities", opportunities[0]),
        Wave("calls and visits", list(doings.about(made))),
        Wave("deals moving on", scripts=[*opportunities[1]]),
        Wave("new customers", scripts=deals.new_customers(made)),
        Wave("old cases", asked.old),
        Wave("cases", asked.cases),
        Wave("what customers wrote", asked.messages),
        Wave("cases moving on", scripts=asked.scripts),
    ]
    handover = _handover(waves)
    return [*waves, Wave("a colleague leaves", scripts=handover), Wave("what is next", list(doings.next(made)))]


def _handover(waves: Sequence[Wave]) -> list[Script]:
    """What the colleague who leaves had goes to the heir, but for what is over."""
    leaver = load("team")["leaver"]
    mine, change = ref(team.user(leaver["user"])), {"owner": ref(team.user(leaver["heir"]))}
    over = {script.key for wave in waves for script in wave.scripts if any(map(_ends, script.steps))}
    kept = [
        record
        for wave in waves
        for record in wave.records
        if record.body.get("owner") == mine and record.plural != "activities" and record.key not in over
    ]
    return [
        Script(f"{record.key}:handover", [Step(leaver["manager"], ref(record.key), change)])
        for record in kept
        if "closeTime" not in record.body
    ]


def _ends(step: Step) -> bool:
    return step.call in ("convert", "win", "lose") or "disqualificationReason" in step.body
