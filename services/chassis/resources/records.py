"""A record as a service declares it: its message, and the trade rules that hook into its writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from google.protobuf.message import Message
from pymongo import IndexModel

from services.chassis.resources.schema import RecordType

Prepare = Callable[[Any, Any, Any], None]
"""Called as prepare(tx, after, before) before a record is stored: in the Transaction `tx`, with what it is to be, and
with what it is now, which is None when it is new.

It sets defaults and derived fields of `after` in place, and raises errors.InvalidArgument for what a rule forbids.
"""

Verb = Callable[[Any, Any], str]
"""Called as verb(after, before); says what an update means to the trade: `won`, `assigned`, or just `updated`."""


def _nothing(_tx: object, _after: Message, _before: Message | None) -> None:
    return None


def _updated(_after: Message, _before: Message) -> str:
    return "updated"


@dataclass(frozen=True)
class Record:
    """One kind of record with its hooks. Without hooks it is stored as it is given.

    `beside` names collections that are no records but belong to it (read models), with the indexes they need.
    """

    message: type[Message]
    prepare: Prepare = _nothing
    verb: Verb = _updated
    indexes: tuple[IndexModel, ...] = field(default=())
    beside: Mapping[str, Sequence[IndexModel]] = field(default_factory=dict, hash=False)

    @cached_property
    def type(self) -> RecordType:
        """What the engine reads from the message's descriptor."""
        return RecordType.of(self.message)
