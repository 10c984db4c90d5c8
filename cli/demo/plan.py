"""What shall be written, in which order, by whom.

Records do not know each other's names before they are created, so they refer to each other by keys: a text in a body
that is `@` and a key stands for the name of the record with that key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

OWN = "demo:"
"""What the keys of records begin with that have an external id: the key is the external id."""


def key(kind: str, number: int) -> str:
    """The key of a record: `demo:account:0012`."""
    return f"{OWN}{kind}:{number:04}"


def ref(key: str) -> str:
    """Stands for the name of the record with that key."""
    return f"@{key}"


def money(amount_euro: int) -> Json:
    """Whole euros as the API has them."""
    return {"currencyCode": "EUR", "amountMinor": str(amount_euro * 100)}


@dataclass(frozen=True, slots=True)
class Record:
    """A record to create; `by` is the key of a colleague of the team."""

    key: str
    plural: str
    body: Json
    by: str


@dataclass(frozen=True, slots=True)
class Step:
    """A change of a record, a method called on it, or a single record to create.

    `target` is a reference, or a plural to create one of. `call` is the method, `win`; without it the record is
    changed. `keeps`: key → where the name to be known by that key stands in the answer, `order.name`. `creates`:
    plurals of what comes into being.
    """

    by: str
    target: str
    body: Json
    call: str = ""
    keeps: Mapping[str, str] = field(default_factory=dict)
    creates: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """Steps one after the other; scripts of a wave run beside each other."""

    key: str
    steps: Sequence[Step]


@dataclass(frozen=True, slots=True)
class Wave:
    """Records, then scripts; the next wave begins when all is done."""

    label: str
    records: Sequence[Record] = ()
    scripts: Sequence[Script] = ()
