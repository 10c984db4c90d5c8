"""The indexes of a service: what it declares, and how that differs from what its database has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.collection import Collection
from pymongo.database import Database

from services.chassis.bus import inbox
from services.chassis.resources import changes
from services.chassis.resources.bson_codec import Document
from services.chassis.resources.records import Record

Declared = Mapping[str, Sequence[IndexModel]]
"""The indexes of each collection of a service. A collection that is not in it has none but MongoDB's own."""

_TIME_TO_LIVE = "expireAfterSeconds"
_OPTIONS = ("unique", "sparse", "partialFilterExpression")
"""What makes an index another one, besides its keys: MongoDB keeps two that differ in one of these side by side."""


def declared(records: Iterable[Record]) -> Declared:
    """All indexes that a service with these records needs, in its api or in its worker."""
    found = {changes.COLLECTION: [*changes.INDEXES], inbox.COLLECTION: [*inbox.INDEXES]}
    for record in records:
        found.setdefault(record.type.collection, []).extend(_of(record))
        for collection, indexes in record.beside.items():
            found.setdefault(collection, []).extend(indexes)
    return found


@dataclass(slots=True)
class Difference:
    """How a database differs from what is declared; indexes are named `collection.index` in texts.

    missing: to be created. retimed: those whose documents shall live for another time. unused: there, but declared by
    nobody, as (collection, index). conflicts: sentences about declared ones that MongoDB cannot create.
    """

    missing: dict[str, list[IndexModel]] = field(default_factory=dict)
    retimed: dict[str, list[IndexModel]] = field(default_factory=dict)
    unused: list[tuple[str, str]] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def compare(database: Database[Document], wanted: Declared) -> Difference:
    """Looks what indexes the collections of a service have."""
    found = Difference()
    for name, models in wanted.items():
        existing = {index["name"]: index for index in _existing(database[name])}
        for model in models:
            _judge(found, name, model, existing)
        of_ours = {model.document["name"] for model in models}
        found.unused += [(name, index) for index in existing if index not in of_ours]
    return found


def names(indexes: Declared) -> list[str]:
    """The indexes as `collection.index`."""
    return [f"{collection}.{model.document['name']}" for collection, models in indexes.items() for model in models]


def _judge(found: Difference, collection: str, model: IndexModel, existing: Mapping[str, Document]) -> None:
    """Adds a declared index to where it belongs."""
    wanted = model.document
    present = existing.get(wanted["name"])
    if present is None:
        twin = next((name for name, index in existing.items() if _same(index, wanted)), "")
        if twin:
            found.conflicts.append(f"{collection}.{wanted['name']} exists as {collection}.{twin}: keep that name")
        else:
            found.missing.setdefault(collection, []).append(model)
    elif not _same(present, wanted) or (_TIME_TO_LIVE in present) != (_TIME_TO_LIVE in wanted):
        found.conflicts.append(f"{collection}.{wanted['name']} exists with another definition: give it a new name")
    elif present.get(_TIME_TO_LIVE) != wanted.get(_TIME_TO_LIVE):
        found.retimed.setdefault(collection, []).append(model)


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether MongoDB takes two for the same index. The order of keys counts, which equality of mappings ignores."""
    keys = list(one["key"].items()) == list(other["key"].items())
    return keys and all(one.get(option) == other.get(option) for option in _OPTIONS)


def _existing(collection: Collection[Document]) -> Iterator[Document]:
    return (dict(index) for index in collection.list_indexes() if index["name"] != "_id_")


def _of(record: Record) -> Iterator[IndexModel]:
    """The indexes of a record: the tenant first, then the field; `_id` last, so that lists need no sort."""
    yield IndexModel([("tenant", ASCENDING), ("_id", ASCENDING)], name="tenant")
    for info in record.type.filterable:
        if info.path not in ("name", "creator"):
            keys = [("tenant", ASCENDING), (info.path, ASCENDING), ("_id", ASCENDING)]
            yield IndexModel(keys, name=info.path)
    if record.type.searchable:
        for key in ("_words", "_pairs"):
            yield IndexModel([("tenant", ASCENDING), (key, ASCENDING)], name=key.strip("_"))
    for info in record.type.unique:
        keys = [("tenant", ASCENDING), (info.path, ASCENDING), ("delete_time", ASCENDING)]
        present = {info.path: {"$exists": True}}
        yield IndexModel(keys, name=f"unique_{info.path}", unique=True, partialFilterExpression=present)
    yield from record.indexes
