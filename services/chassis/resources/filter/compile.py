"""From a filter's text to a MongoDB query. Values are only ever values: no operator comes from the input."""

import operator
import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

from services.chassis.errors import InvalidArgument
from services.chassis.resources.columns import Column, Kind, column, columns, one_of
from services.chassis.resources.filter.grammar import Comparison, Every, Node, Not, Some, parse
from services.chassis.resources.filter.values import Day, Prefix, Span, Value, value_of
from services.chassis.resources.schema import RecordType

Query = dict[str, Any]


def compile_filter(record_type: RecordType, text: str) -> Query:
    """The query for `text`, {} for a blank one. It is cached: read it, never change it.

    Raises InvalidArgument with a violation on `filter`. Source: AIP-160, docs/api.md.
    """
    return _compile(record_type, text) if text and not text.isspace() else {}


@lru_cache(maxsize=1024)
def _compile(record_type: RecordType, text: str) -> Query:
    return _query(record_type, parse(text))


def _query(record_type: RecordType, node: Node) -> Query:
    match node:
        case Comparison():
            return _comparison(record_type, node)
        case Not(part):
            return {"$nor": [_query(record_type, part)]}
        case Every(parts):
            return {"$and": [_query(record_type, part) for part in parts]}
        case Some(parts):
            return {"$or": [_query(record_type, part) for part in parts]}


def _comparison(record_type: RecordType, comparison: Comparison) -> Query:
    found = column(record_type, comparison.path)
    if found is None:
        raise InvalidArgument.of(
            "filter",
            f"`{comparison.path[:60]}` at character {comparison.position} is no field that can be filtered; "
            f"these can: {one_of(columns(record_type))}",
        )
    if comparison.operator == ":" and comparison.text == "*" and not comparison.quoted:
        return _present(found)
    value = value_of(record_type, found, comparison)
    if isinstance(value, Span):
        return _span(found, comparison, value)
    return _compared(found, comparison.operator, value)


def _present(column: Column) -> Query:
    if column.kind is Kind.NAME:
        return {}
    absent = [None] if column.default is None else [None, column.default]
    if column.repeated and not column.element:
        return {column.stored: {"$nin": [None, []]}}
    return _of_element(column, {"$nin": absent})


def _compared(column: Column, sign: str, value: Value) -> Query:
    if sign == "!=":
        return _different(column, value)
    if sign in ("=", ":"):
        return _equal(column, value)
    if isinstance(value, Day):
        value, sign = (value.end, _DAY_ENDS[sign]) if sign in _DAY_ENDS else (value.start, sign)
    assert not isinstance(value, Prefix | Span | Day)  # only = and != take a prefix; spans are split before
    if column.default is not None and _HOLDS[sign](column.default, value):
        return _of_element(column, {"$not": {_MONGO[_OPPOSITE[sign]]: value}})
    return {column.stored: {_MONGO[sign]: value}}


def _equal(column: Column, value: Value) -> Query:
    if isinstance(value, Prefix):
        return {column.stored: {"$regex": _anchored(value)}}
    if isinstance(value, Day):
        return _of_element(column, {"$gte": value.start, "$lt": value.end}, always=column.repeated)
    if column.default is not None and value == column.default:
        return _of_element(column, {"$in": [None, value]})
    return {column.stored: value}


def _different(column: Column, value: Value) -> Query:
    """Of a list: no element is equal. Of a timestamp that is absent: false, as every comparison with it."""
    if column.repeated:
        return {"$nor": [_equal(column, value)]}
    if isinstance(value, Prefix):
        return {column.stored: {"$not": {"$regex": _anchored(value)}}}
    if isinstance(value, Day):
        return {column.stored: {"$ne": None, "$not": {"$gte": value.start, "$lt": value.end}}}
    if column.default is None or value == column.default:
        return {column.stored: {"$nin": [None, value]}}
    return {column.stored: {"$ne": value}}


def _of_element(column: Column, condition: Query, always: bool = False) -> Query:
    """A condition that a *missing* value may meet: in a list, one element must be there and meet it.

    Without `$elemMatch` two elements together could meet a range, and a missing list would count as a default.
    """
    if not column.repeated or not (column.element or always):
        return {column.stored: condition}
    inner = {column.element: condition} if column.element else condition
    return {column.elements: {"$elemMatch": inner}}


def _span(column: Column, comparison: Comparison, value: Span) -> Query:
    """A duration is stored as seconds and nanos: the seconds decide, the nanos between equals."""
    if column.repeated:
        raise InvalidArgument.of("filter", f"{column.path} holds many durations and cannot be compared")
    there = {column.stored: {"$ne": None}}
    seconds = replace(column, stored=f"{column.stored}.seconds", kind=Kind.INTEGER, default=0)
    nanos = replace(column, stored=f"{column.stored}.nanos", kind=Kind.INTEGER, default=0)
    sign = comparison.operator
    equal = {"$and": [_equal(seconds, value.seconds), _equal(nanos, value.nanos)]}
    if sign in ("=", ":"):
        return {"$and": [there, equal]}
    if sign == "!=":
        return {"$and": [there, {"$nor": [equal]}]}
    beyond = {"$and": [_equal(seconds, value.seconds), _compared(nanos, sign, value.nanos)]}
    return {"$and": [there, {"$or": [_compared(seconds, sign[0], value.seconds), beyond]}]}


def _anchored(prefix: Prefix) -> str:
    """MongoDB reads such a regular expression as a range of the index."""
    return f"^{re.escape(prefix.text)}"


_MONGO = {"<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_HOLDS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
# `<= day` is before the day's end, `> day` from its end on.
_DAY_ENDS = {"<=": "<", ">": ">="}
