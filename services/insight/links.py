"""The read model of references: what each record that may lead to a customer refers to now.

Two events that depend on the same record can be handled at the same time: one learns what the record refers to, the
other relies on what it referred to so far. Each would miss the other. So whoever relies on a record's links writes to
their document as well (`hold`): then one of the two transactions meets a write conflict and runs again, and sees what
the other has done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo import ReturnDocument

from services.chassis.resources.transaction import Transaction
from services.insight.records import LINKS

_KNOWN = {"$ifNull": ["$_version", 0]}
_HELD = {"$add": [{"$ifNull": ["$_held", 0]}, 1]}


class Links:
    """The links as one transaction sees them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._collection = tx.collection(LINKS)
        self._held: dict[str, tuple[str, ...]] = {}
        self._read: dict[str, tuple[str, ...]] = {}

    def learn(self, name: str, version: int, links: Sequence[str]) -> bool:
        """Keeps what a record refers to, unless a later version is known; whether that makes a difference to entries.

        Whoever relies on a record's links leaves a document, so where there was none nobody does.
        """
        newer = {"$gt": [version, _KNOWN]}
        before = self._collection.find_one_and_update(
            self._key(name),
            [
                {
                    "$set": {
                        "links": {"$cond": [newer, {"$literal": list(links)}, {"$ifNull": ["$links", []]}]},
                        "_version": {"$max": [version, _KNOWN]},
                        "_held": _HELD,
                    }
                }
            ],
            upsert=True,
            session=self._tx.session,
        )
        known = _links(before)
        later = before is None or before.get("_version", 0) < version
        self._held[name] = tuple(links) if later else known
        return before is not None and self._held[name] != known

    def hold(self, names: Iterable[str]) -> Mapping[str, Sequence[str]]:
        """What records refer to, for an entry that comes to rely on it with this transaction."""
        wanted = list(names)
        for name in wanted:
            if name not in self._held:
                document = self._collection.find_one_and_update(
                    self._key(name),
                    {"$inc": {"_held": 1}},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                    session=self._tx.session,
                )
                self._held[name] = _links(document)
        return {name: self._held[name] for name in wanted}

    def prefetch(self, names: Iterable[str]) -> None:
        """Reads many at once, for entries that relied on them before and are written to anyway."""
        wanted = [name for name in set(names) if name not in self._held and name not in self._read]
        if not wanted:
            return
        query = {"_id": {"$in": wanted}, "tenant": self._tx.tenant}
        self._read |= dict.fromkeys(wanted, ())
        for document in self._collection.find(query, session=self._tx.session):
            self._read[document["_id"]] = _links(document)

    def read(self, names: Iterable[str], relied_on: frozenset[str]) -> Mapping[str, Sequence[str]]:
        """As `hold`, but those that were prefetched and relied on before need no hold."""
        wanted = list(names)
        plain = {name for name in wanted if name in relied_on and name in self._read and name not in self._held}
        held = self.hold(name for name in wanted if name not in plain)
        return {name: self._read[name] if name in plain else held[name] for name in wanted}

    def _key(self, name: str) -> dict[str, Any]:
        return {"_id": name, "tenant": self._tx.tenant}


def _links(document: Mapping[str, Any] | None) -> tuple[str, ...]:
    return tuple((document or {}).get("links", ()))
