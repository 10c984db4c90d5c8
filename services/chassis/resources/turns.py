"""Who is next: work goes round among candidates, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from services.chassis.resources.counters import next_number
from services.chassis.resources.transaction import Transaction


def take_turn(tx: Transaction, turn: str, candidates: Sequence[str]) -> str:
    """The next one in the tenant's `turn`; at least one candidate is needed.

    Turns are counted outside of the transaction, since transactions that all want the same document run one after
    the other: for three hundred leads that came at once that took 50 s on a busy machine. One that is rolled back has
    used up somebody's turn.
    """
    return chosen(candidates, next_number(tx, f"turn {turn}"))


def chosen(candidates: Sequence[str], turn: int) -> str:
    """Whose turn a number is, counted from 1, in the order of the candidates' names."""
    ordered = sorted(candidates)
    return ordered[(turn - 1) % len(ordered)]
