"""Fills a tenant with the company, once."""

from __future__ import annotations

import datetime
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from cli.demo import team
from cli.demo.client import Client, Refused
from cli.demo.company import build
from cli.demo.deals import Stages
from cli.demo.materials import load
from cli.demo.plan import OWN, Json
from cli.demo.team import Setting
from cli.demo.writing import Writer, existing

MARK = f"{OWN}company"
"""The external id of the activity that says what was made, and whether it is complete."""

_MADE = re.compile(r"--seed (-?\d+) --scale ([0-9.]+), on (\d{4}-\d\d-\d\d)")
_PATIENCE_SECONDS = 30.0
_KEY_HOURS = 2

Progress = Callable[[str, float], None]
"""Is told what has been written, and how many seconds after the beginning."""


@dataclass(frozen=True, slots=True)
class Made:
    """What there is: `created` counts records by plural, `changes` what happened to them. `already`: it was there."""

    seed: int
    scale: float
    day: str
    already: bool
    created: dict[str, int]
    changes: int
    seconds: float


def fill(gateway: str, api_key: str, progress: Progress, *, seed: int = 7, scale: float = 1.0) -> Made:
    """Makes the company, or says that it is there. One that was interrupted is completed as it was begun.

    `api_key` must be allowed everything in its tenant.

    Raises:
        Refused: the platform would not have something, or does not answer.
    """
    client = Client(gateway)
    try:
        return _Filling(client, api_key, progress).run(seed, scale)
    finally:
        client.close()


class _Filling:
    """One run."""

    def __init__(self, client: Client, api_key: str, progress: Progress) -> None:
        self._client = client
        self._admin = api_key
        self._progress = progress
        self._start = time.monotonic()
        self._created: Counter[str] = Counter()

    def run(self, seed: int, scale: float) -> Made:
        mark = self._mark(seed, scale)
        seed, scale, day = _read(mark)
        if mark["state"] == "ACTIVITY_STATE_COMPLETED":
            return self._made(seed, scale, day, already=True)
        names = {**existing(self._client, self._admin), **self._set_up()}
        with self._tokens(names) as tokens:
            writer = Writer(self._client, tokens, names)
            for wave in build(seed, scale, datetime.date.fromisoformat(day), self._stages()):
                writer.write(wave)
                self._tell(wave.label)
        self._let_go(names)
        self._client.patch(mark["name"], self._admin, {"state": "ACTIVITY_STATE_COMPLETED"})
        self._created += writer.created
        return self._made(seed, scale, day, changes=writer.changes)

    def _mark(self, seed: int, scale: float) -> Json:
        for found in self._client.all("activities", self._admin, filter=f'external_id = "{MARK}"'):
            return found
        day = datetime.datetime.now(datetime.UTC).date().isoformat()
        note = {
            "type": "ACTIVITY_TYPE_NOTE",
            "subject": "This company is made up",
            "body": f"Nobody and nothing here is real. Made by: kith demo --seed {seed} --scale {scale:g}, on {day}",
            "state": "ACTIVITY_STATE_PLANNED",
            "externalId": MARK,
        }
        return self._client.post("activities", self._admin, note, f"{MARK} {seed} {scale:g} {day}")

    def _set_up(self) -> dict[str, str]:
        """Team, products and queues; key → name."""
        roles = {role["key"]: role["name"] for role in self._client.all("roles", self._admin)}
        names: dict[str, str] = {}
        for setting in (*team.users(roles), *team.products(), *team.queues()):
            names[setting.key] = self._there(setting, names)
        self._tell("team, products and queues")
        return names

    def _there(self, setting: Setting, names: Mapping[str, str]) -> str:
        for found in self._client.all(setting.plural, self._admin, filter=setting.filter):
            return str(found["name"])
        body = {name: _named(value, names) for name, value in setting.body.items()}
        self._created[setting.plural] += 1
        return str(self._client.post(setting.plural, self._admin, body, f"{OWN}{setting.key}")["name"])

    def _stages(self) -> Stages:
        """Those of the default pipeline, which a new tenant gets within moments."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            for pipeline in self._client.all("pipelines", self._admin, filter="default = true"):
                return _stages(pipeline)
            if time.monotonic() > deadline:
                raise Refused("GET pipelines", "NO_PIPELINE", "the tenant has no default pipeline")
            time.sleep(0.3)

    @contextmanager
    def _tokens(self, names: Mapping[str, str]) -> Iterator[dict[str, str]]:
        """An API key for each colleague, for the time of the run, so that history tells who did what."""
        roles = {role["key"]: role["permissions"] for role in self._client.all("roles", self._admin)}
        expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=_KEY_HOURS)
        keys: dict[str, Json] = {}
        try:
            for who, one in load("team")["users"].items():
                key = {
                    "displayName": "kith demo",
                    "user": names[team.user(who)],
                    "permissions": roles[one["role"]],
                    "expireTime": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
                }
                keys[who] = self._client.post("apiKeys", self._admin, key)
            yield {who: key["secret"] for who, key in keys.items()}
        finally:
            for key in keys.values():
                # They end by themselves too.
                with suppress(Refused):
                    self._client.delete(key["name"], self._admin)

    def _let_go(self, names: Mapping[str, str]) -> None:
        leaver = names[team.user(load("team")["leaver"]["user"])]
        self._client.patch(leaver, self._admin, {"state": "USER_STATE_DEACTIVATED"})

    def _tell(self, what: str) -> None:
        self._progress(what, time.monotonic() - self._start)

    def _made(self, seed: int, scale: float, day: str, *, changes: int = 0, already: bool = False) -> Made:
        seconds = round(time.monotonic() - self._start, 1)
        return Made(seed, scale, day, already, dict(sorted(self._created.items())), changes, seconds)


def _read(mark: Json) -> tuple[int, float, str]:
    found = _MADE.search(mark.get("body", ""))
    if found is None:
        raise Refused(mark["name"], "MARK_CHANGED", f"its text no longer says how the company was made: {MARK}")
    return int(found[1]), float(found[2]), found[3]


def _named(value: object, names: Mapping[str, str]) -> object:
    """A list of references as names; all else as it is."""
    if isinstance(value, list):
        return [names.get(str(one).removeprefix("@"), one) for one in value]
    return value


def _stages(pipeline: Json) -> Stages:
    by_outcome: dict[str, list[str]] = {}
    for stage in pipeline["stages"]:
        by_outcome.setdefault(stage["outcome"], []).append(stage["displayName"])
    return Stages(
        by_outcome["STAGE_OUTCOME_OPEN"], by_outcome["STAGE_OUTCOME_WON"][0], by_outcome["STAGE_OUTCOME_LOST"][0]
    )
