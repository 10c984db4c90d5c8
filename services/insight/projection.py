"""From every event to the timelines of the customers that it concerns.

Events come in any order, some twice, some again years later, and several at a time. The outcome is always the same,
since it is defined by what happened and not by how it came here:

- an entry is made of its event alone, under the event's id;
- its subjects are what `rules.concerns` reaches from the event's record and references over the links that are known
  *now*, those of each record's latest version. When links change, the entries that relied on them (`_via`) are
  completed, so an entry that came before what it refers to ends where it would have ended in order.

An entry without subjects waits in a collection of its own. `tests/service/insight` tries permutations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pymongo import ASCENDING, InsertOne, UpdateOne
from pymongo import DeleteOne as Delete

from services.chassis.bus.events import Event
from services.chassis.resources.bson_codec import Document
from services.chassis.resources.transaction import Transaction
from services.insight import entries, kinds
from services.insight.links import Links
from services.insight.records import ENTRIES, WAITING
from services.insight.rules.concerns import MAX_VIA, Concern, concern

_BATCH = 500


def project(event: Event, tx: Transaction) -> None:
    """Puts an event on the timelines that it belongs to, and completes what waited for it.

    Raises:
        kinds.UnknownKind: the event is about a record that only a newer version knows.
    """
    kind = kinds.kind_of(event.service, event.kind)
    record = event.message(kind.message)
    references = kinds.references(kind, record)
    telling = [name for name in references if kinds.is_customer(name) or kinds.leads_on(name)]
    links = Links(tx)
    moved = kinds.leads_on(event.record) and links.learn(event.record, event.version, telling)
    seeds = [name for name in [event.record, *telling] if kinds.is_customer(name) or kinds.leads_on(name)][:MAX_VIA]
    if seeds:
        found = concern(seeds, links.hold, kinds.is_customer, kinds.leads_on)
        _place(tx, event, entries.document(event, kind, record, references), seeds, found)
    if moved:
        tx.flush()  # entries of events that share this transaction may have relied on them too
        for collection in (ENTRIES, WAITING):
            _complete(tx, links, collection, event.record, but=event.id)


def _place(tx: Transaction, event: Event, entry: Document, seeds: list[str], found: Concern) -> None:
    home, other = (ENTRIES, WAITING) if found.subjects else (WAITING, ENTRIES)
    key = {"_id": event.id, "tenant": tx.tenant}
    document = {**entry, **key, **_concerned(found), "_seeds": seeds}
    if not event.replay:  # the inbox knows that it is new
        tx.add(home, document)
        return
    tx.collection(home).replace_one(key, document, upsert=True, session=tx.session)
    tx.collection(other).delete_one(key, session=tx.session)


def _complete(tx: Transaction, links: Links, collection: str, name: str, *, but: str) -> None:
    """Follows the references of all entries anew that relied on those of `name`."""
    other = WAITING if collection == ENTRIES else ENTRIES
    for batch in _relying(tx, collection, name):
        links.prefetch(via for entry in batch for via in entry["_via"])
        stays: list[Any] = []
        goes: list[Any] = []
        comes: list[Any] = []
        for entry in batch:
            if entry["_id"] == but:
                continue
            found = _concern_again(links, entry)
            key = {"_id": entry["_id"], "tenant": tx.tenant}
            if bool(found.subjects) == (collection == ENTRIES):
                # Written also when nothing changes: two transactions that complete the same entry must not miss
                # each other (see links.py).
                stays.append(UpdateOne(key, {"$set": _concerned(found), "$inc": {"_completed": 1}}))
            else:
                goes.append(Delete(key))
                comes.append(InsertOne({**entry, **_concerned(found)}))
        for target, writes in ((collection, stays + goes), (other, comes)):
            if writes:
                tx.collection(target).bulk_write(writes, ordered=False, session=tx.session)


def _relying(tx: Transaction, collection: str, name: str) -> Iterator[list[Document]]:
    """Entries that relied on a record's links, in batches."""
    last = ""
    while True:
        query = {"tenant": tx.tenant, "_via": name, "_id": {"$gt": last}}
        found = tx.collection(collection).find(query, sort=[("_id", ASCENDING)], limit=_BATCH, session=tx.session)
        batch = list(found)
        if batch:
            yield batch
        if len(batch) < _BATCH:
            return
        last = batch[-1]["_id"]


def _concern_again(links: Links, entry: Document) -> Concern:
    relied_on = frozenset(entry["_via"])
    return concern(entry["_seeds"], lambda names: links.read(names, relied_on), kinds.is_customer, kinds.leads_on)


def _concerned(found: Concern) -> Document:
    return {"subjects": list(found.subjects), "_via": list(found.via)}
