"""An event in one line: “Opportunity “Acme renewal” was updated: stage Proposal → Negotiation”."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_TITLE = 500
MAX_NAME = 100
MAX_VALUE = 60
_MAX_CHANGES = 3
_VERBS = {"failed": "failed", "undeleted": "was brought back"}
"""Verbs that do not make sense with “was”."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that changed; the values are None where there was or is none, `quiet` when they are not to be shown."""

    field: str
    before: str | None = None
    after: str | None = None
    quiet: bool = False


def title(kind: str, verb: str, *, number: str = "", name: str = "", differences: Sequence[Difference] = ()) -> str:
    """One line about one event. `kind` and `verb` are as in event types: `timeline_entry`, `password_set`."""
    parts = [words(kind).capitalize(), one_line(number), f"“{one_line(name)}”" if name.strip() else ""]
    done = _VERBS.get(verb, f"was {words(verb)}")
    said = " ".join(part for part in [*parts, done] if part)
    if verb == "updated" and differences:
        said += f": {_told(differences)}"
    return said if len(said) <= MAX_TITLE else said[: MAX_TITLE - 1].rstrip() + "…"


def words(name: str) -> str:
    """`billingAddress.city`, `close_date`: as words, `billing address city`, `close date`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[._]", " ", name).lower()


def enum_word(enum: str, value: str) -> str:
    """`Negotiation` for LEAD_STATUS_NEGOTIATION of LeadStatus."""
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum).upper() + "_"
    return value.removeprefix(prefix).replace("_", " ").capitalize()


def one_line(text: str) -> str:
    """The text on one line, cut to the length of a name."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_NAME else line[: MAX_NAME - 1].rstrip() + "…"


def _told(differences: Sequence[Difference]) -> str:
    told = [_difference(difference) for difference in differences[:_MAX_CHANGES]]
    more = len(differences) - _MAX_CHANGES
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def _difference(difference: Difference) -> str:
    if difference.quiet or (difference.before is None and difference.after is None):
        return f"{difference.field} changed"
    if difference.after is None:
        return f"{difference.field} cleared"
    if difference.before is None:
        return f"{difference.field} {difference.after}"
    return f"{difference.field} {difference.before} → {difference.after}"
