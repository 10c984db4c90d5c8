"""People with names of their language."""

from __future__ import annotations

import random
from dataclasses import dataclass

from cli.demo.materials import load
from cli.demo.spelling import latin


@dataclass(frozen=True, slots=True)
class Person:
    """`mailbox` is what stands before the @; `display` is set where the family name comes first."""

    given: str
    family: str
    display: str
    mailbox: str

    @property
    def name(self) -> str:
        """As people call the person."""
        return self.display or f"{self.given} {self.family}"


def person(rng: random.Random, language: str) -> Person:
    """Somebody who speaks that language."""
    names = load("names")[language]
    given, latin_given = _spellings(rng.choice(names["given"]))
    family, latin_family = _spellings(rng.choice(names["family"]))
    if language == "es" and rng.random() < 0.6:
        family = f"{family} {rng.choice([name for name in names['family'] if name != family])}"
    display = f"{family}{given}" if language == "zh" else ""
    mailbox = f"{latin(latin_given, language)}.{latin(latin_family, language).replace(' ', '')}"
    return Person(given, family, display, mailbox)


def family_name(rng: random.Random, language: str) -> str:
    """A family name alone."""
    return _spellings(rng.choice(load("names")[language]["family"]))[0]


def _spellings(entry: str) -> tuple[str, str]:
    native, _, written = entry.partition("|")
    return native, written or native
