"""Whom an event concerns: the customers that it reaches by following references from record to record.

Accounts, contacts and leads are customers. Accounts and contacts are where following ends, or else all that happens
in a group of companies would stand on every timeline of it. A lead is followed further: once it is converted, what
happened with it belongs to the account and the contact that it became.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

CUSTOMERS = frozenset({"kith.dev/Account", "kith.dev/Contact", "kith.dev/Lead"})
"""Resource types that have a timeline."""
ENDS = frozenset({"kith.dev/Account", "kith.dev/Contact"})
"""Customers beyond whom no reference is followed."""

MAX_STEPS = 6
MAX_SUBJECTS = 50
MAX_VIA = 200


@dataclass(frozen=True, slots=True)
class Concern:
    """`subjects` are the customers concerned, nearest first; `via` the records that were asked for their references."""

    subjects: tuple[str, ...]
    via: tuple[str, ...]


def concern(
    seeds: Iterable[str],
    links: Callable[[Sequence[str]], Mapping[str, Sequence[str]]],
    is_customer: Callable[[str], bool],
    leads_on: Callable[[str], bool],
) -> Concern:
    """Follows references from `seeds`; `links(names)` gives what each of them refers to.

    The answer depends on seeds and links alone, never on the order in which they became known.
    """
    subjects: list[str] = []
    via: list[str] = []
    frontier = sorted(set(seeds))
    for _ in range(MAX_STEPS):
        subjects += [name for name in frontier if is_customer(name) and name not in subjects]
        asked = [name for name in frontier if leads_on(name) and name not in via][: MAX_VIA - len(via)]
        if not asked:
            break
        via += asked
        found = links(asked)
        frontier = sorted({name for names in found.values() for name in names})
    return Concern(tuple(subjects[:MAX_SUBJECTS]), tuple(via))


def reaching(references: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """The types from which a customer can be reached at all, by which types each type may refer to (`*` for any).

    Users, roles or products lead nowhere, so nothing has to be kept or updated for them.
    """
    reached = set(CUSTOMERS)
    while True:
        more = {kind for kind, targets in references.items() if kind not in reached and reached & {*targets}}
        more |= {kind for kind, targets in references.items() if kind not in reached and "*" in targets}
        if not more:
            return frozenset(reached - ENDS)
        reached |= more
