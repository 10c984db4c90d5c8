"""Orders as AIP-132 writes them (`close_date desc, amount.amount_minor`), always ended by the id.

A missing value sorts first (last with `desc`): an unset text, number or date comes before every set one.
"""

from dataclasses import dataclass
from functools import lru_cache

from services.chassis.errors import InvalidArgument
from services.chassis.resources.columns import Column, Kind, column, columns, one_of
from services.chassis.resources.schema import RecordType

MAX_FIELDS = 3
MAX_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class Key:
    """One field of an order."""

    column: Column
    descending: bool


@dataclass(frozen=True, slots=True)
class Order:
    """The keys of an order, and the direction of the id that decides between equals.

    The id goes the way of the last key, so that an index on {tenant, key, _id} serves the order both ways.
    """

    keys: tuple[Key, ...]
    id_descending: bool

    @property
    def sort(self) -> list[tuple[str, int]]:
        """As pymongo takes it."""
        keys = [(key.column.stored, -1 if key.descending else 1) for key in self.keys]
        return [*keys, ("_id", -1 if self.id_descending else 1)]


@lru_cache(maxsize=1024)
def parse_order(record_type: RecordType, text: str) -> Order:
    """The order of `text`; blank is by id, which is by time of creation.

    Raises InvalidArgument with a violation on `order_by`. Source: AIP-132.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidArgument.of("order_by", f"has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read")
    keys = tuple(_key(record_type, part) for part in text.split(",")) if text.strip() else ()
    if len(keys) > MAX_FIELDS:
        raise InvalidArgument.of("order_by", f"names {len(keys)} fields; at most {MAX_FIELDS} are sorted by")
    paths = [key.column.path for key in keys]
    if len(set(paths)) < len(paths):
        raise InvalidArgument.of("order_by", f"names a field twice: {', '.join(paths)}")
    return _ended(keys)


def _ended(keys: tuple[Key, ...]) -> Order:
    """Nothing after the id can matter; an order that names it ends there."""
    for at, key in enumerate(keys):
        if key.column.stored == "_id":
            return Order(keys[:at], key.descending)
    return Order(keys, bool(keys) and keys[-1].descending)


def _key(record_type: RecordType, part: str) -> Key:
    words = part.split()
    if not words or len(words) > 2 or words[1:] not in ([], ["asc"], ["desc"]):
        raise InvalidArgument.of("order_by", f"`{part.strip()[:60]}` is not `field`, `field asc` or `field desc`")
    found = column(record_type, words[0])
    if found is None:
        raise InvalidArgument.of(
            "order_by",
            f"`{words[0][:60]}` is no field that can be sorted by; these can: {one_of(_sortable(record_type))}",
        )
    if not _one_value(found):
        raise InvalidArgument.of("order_by", f"`{found.path}` has no single value to sort by; sort by a field that has")
    return Key(found, words[1:] == ["desc"])


def _sortable(record_type: RecordType) -> list[str]:
    found = ((path, column(record_type, path)) for path in columns(record_type))
    return [path for path, sortable in found if sortable is not None and _one_value(sortable)]


def _one_value(column: Column) -> bool:
    """Lists have many values, and a duration is stored as two numbers."""
    return not column.repeated and column.kind is not Kind.DURATION
