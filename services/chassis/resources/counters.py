"""Numbers that people say, counted per tenant: O-000001, O-000002 …"""

from __future__ import annotations

from collections.abc import Iterator

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.chassis.resources.transaction import Transaction

COLLECTION = "counters"


def next_number(tx: Transaction, counter: str) -> int:
    """The tenant's next number of a counter; the first is 1. No number is given twice.

    Numbers are reserved outside of the transaction, so that those who create records don't wait for each other. What
    a transaction reserved and did not keep, because it was rolled back, leaves a gap.
    """
    key = (COLLECTION, counter)
    numbers: Iterator[int] | None = tx.memory.get(key)
    if numbers is None:
        numbers = tx.memory[key] = _numbers(tx, counter)
    return next(numbers)


def _numbers(tx: Transaction, counter: str) -> Iterator[int]:
    """Reserves as many numbers as there are records to come in the batch: one round trip for all."""
    while True:
        wanted = tx.remaining
        try:
            last = _reserve(tx, counter, wanted)
        except DuplicateKeyError:
            last = _reserve(tx, counter, wanted)  # somebody else has just reserved the very first: now it is there
        yield from range(last - wanted + 1, last + 1)


def _reserve(tx: Transaction, counter: str, wanted: int) -> int:
    document = tx.collection(COLLECTION).find_one_and_update(
        {"_id": f"{tx.tenant} {counter}", "tenant": tx.tenant},
        {"$inc": {"last": wanted}},
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    assert document is not None, "an upsert returns what it stored"
    last: int = document["last"]
    return last
