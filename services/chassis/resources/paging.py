"""Page tokens: where a page ended, as values to go on from. They can say nothing else.

A token is base64url of a checksum and a JSON list: `[[value of each key…], id]` in an order (keyset paging), or
`[count]` in a search without an order. Every value is checked against the type of its key and only ever compared, so
that whoever makes up a token gets a position that he could have had by paging. The checksum covers the list's other
arguments too: a token that is used with another filter, order or search is refused (AIP-158).
"""

import base64
import binascii
import json
import math
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from services.chassis.errors import InvalidArgument
from services.chassis.resources.columns import Kind
from services.chassis.resources.ordering import Key, Order

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1_000
MAX_OFFSET = 10_000
MAX_TOKEN_CHARACTERS = 65_536

Query = dict[str, Any]
Document = dict[str, Any]


def page_limit(page_size: int) -> int:
    """Documents of a page: 50 for 0. Raises InvalidArgument on `page_size` below 0 or above 1,000."""
    if not 0 <= page_size <= MAX_PAGE_SIZE:
        raise InvalidArgument.of("page_size", f"is {page_size}; it must lie between 0 and {MAX_PAGE_SIZE:,}")
    return page_size or DEFAULT_PAGE_SIZE


def fingerprint(*arguments: str | bool) -> bytes:
    """Of a list's arguments other than size and token, record type and tenant among them."""
    return json.dumps(arguments).encode()


def position_token(order: Order, document: Document, arguments: bytes) -> str:
    """The token that goes on after `document`."""
    values = [_written(_stored(document, key.column.stored)) for key in order.keys]
    return _token([values, document["_id"]], arguments)


def offset_token(offset: int, arguments: bytes) -> str:
    """The token that goes on after the first `offset` hits."""
    return _token([offset], arguments)


def after(order: Order, token: str, arguments: bytes) -> Query:
    """The condition for what comes after the token's position. Raises InvalidArgument on `page_token`."""
    payload = _payload(token, arguments)
    if len(payload) != 2 or not isinstance(payload[0], list) or len(payload[0]) != len(order.keys):
        raise _foreign()
    values = [_read(key, value) for key, value in zip(order.keys, payload[0], strict=True)]
    if not isinstance(payload[1], str):
        raise _foreign()
    return _beyond(order, values, payload[1])


def offset(token: str, arguments: bytes) -> int:
    """How many hits were given already. Raises InvalidArgument on `page_token`, also beyond 10,000 hits."""
    payload = _payload(token, arguments)
    if len(payload) != 1 or type(payload[0]) is not int or payload[0] < 0:
        raise _foreign()
    if payload[0] > MAX_OFFSET:
        raise InvalidArgument.of(
            "page_token",
            f"the first {MAX_OFFSET:,} hits of a search were given; search for more words, or add order_by=name",
        )
    return payload[0]


def _beyond(order: Order, values: list[Any], identifier: str) -> Query:
    """Sorted after (values, identifier): further in the first key, or equal there and further in the next, and so on.

    One key needs no more: MongoDB merges the two ranges of its index. With several the first one's bound stands
    beside the alternatives, so that less is read.
    """
    alternatives: list[Query] = []
    equal: list[Query] = []
    for key, value in zip(order.keys, values, strict=True):
        path = key.column.stored
        further = _further(path, value, key.descending)
        if further is not None:
            alternatives.append(_all([*equal, further]))
        equal.append({path: value})
    alternatives.append(_all([*equal, {"_id": {"$lt" if order.id_descending else "$gt": identifier}}]))
    if len(alternatives) == 1:
        return alternatives[0]
    bound = _not_before(order.keys[0], values[0]) if len(order.keys) > 1 else {}
    return {**bound, "$or": alternatives}


def _not_before(key: Key, value: Any) -> Query:
    """The same value or further; {} where that says nothing."""
    if value is None:
        return {key.column.stored: None} if key.descending else {}
    if _not_a_number(value):
        return {key.column.stored: {"$in": [None, value]} if key.descending else {"$ne": None}}
    return {key.column.stored: {"$not": {"$gt": value}} if key.descending else {"$gte": value}}


def _further(path: str, value: Any, descending: bool) -> Query | None:
    """Strictly after one value in MongoDB's order: nothing, then not-a-number, then the rest; None if nothing is."""
    if value is None:
        return None if descending else {path: {"$ne": None}}
    if descending:
        return {path: None} if _not_a_number(value) else {path: {"$not": {"$gte": value}}}
    return {path: {"$nin": [None, value]}} if _not_a_number(value) else {path: {"$gt": value}}


def _not_a_number(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _all(conditions: list[Query]) -> Query:
    return conditions[0] if len(conditions) == 1 else {"$and": conditions}


def _stored(document: Document, path: str) -> Any:
    value: Any = document
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def _written(value: Any) -> Any:
    return round((_aware(value) - _EPOCH) / _MILLISECOND) if isinstance(value, datetime) else value


def _aware(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _read(key: Key, value: Any) -> Any:
    if value is None:
        return None
    if type(value) not in _TYPES[key.column.kind]:
        raise _foreign()
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise _foreign()
    if key.column.kind is not Kind.TIMESTAMP:
        return value
    try:
        return _EPOCH + value * _MILLISECOND
    except OverflowError as error:
        raise _foreign() from error


def _token(payload: list[Any], arguments: bytes) -> str:
    body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(_checksum(body, arguments) + body).rstrip(b"=").decode()


def _payload(token: str, arguments: bytes) -> list[Any]:
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise _foreign()
    try:
        raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        body = raw[_CHECKSUM_BYTES:]
        if raw[:_CHECKSUM_BYTES] != _checksum(body, arguments):
            raise _foreign()
        payload = json.loads(body)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _foreign() from error
    if not isinstance(payload, list):
        raise _foreign()
    return payload


def _checksum(body: bytes, arguments: bytes) -> bytes:
    return blake2b(body, digest_size=_CHECKSUM_BYTES, key=blake2b(arguments, digest_size=32).digest()).digest()


def _foreign() -> InvalidArgument:
    return InvalidArgument.of(
        "page_token",
        "was not given for this list: send it back as it came, with the same filter, order_by, q and show_deleted",
    )


_CHECKSUM_BYTES = 9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

_TYPES: dict[Kind, tuple[type, ...]] = {
    Kind.TEXT: (str,),
    Kind.NAME: (str,),
    Kind.BOOLEAN: (bool,),
    Kind.INTEGER: (int,),
    Kind.NUMBER: (float, int),
    Kind.ENUM: (int,),
    Kind.TIMESTAMP: (int,),
}
