"""Values of a filter, typed by the field that they are compared with."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from google.protobuf.descriptor import FieldDescriptor

from services.chassis.errors import InvalidArgument
from services.chassis.resources.columns import Column, Kind, one_of
from services.chassis.resources.filter.grammar import Comparison
from services.chassis.resources.schema import RecordType

Scalar = str | int | float | bool | datetime


@dataclass(frozen=True, slots=True)
class Prefix:
    """Every text that begins with `text` (never empty)."""

    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """A duration, in whole seconds and the nanoseconds beyond them, both of the same sign."""

    seconds: int
    nanos: int


@dataclass(frozen=True, slots=True)
class Day:
    """A date: the whole day from `start` up to but without `end`, in UTC."""

    start: datetime
    end: datetime


Value = Scalar | Prefix | Span | Day


def value_of(record_type: RecordType, column: Column, comparison: Comparison) -> Value:
    """The typed value; raises InvalidArgument on `filter` that says what the field takes."""
    if column.kind is Kind.NAME:
        return _name(record_type, column, comparison)
    return _READERS[column.kind](column, comparison)


def _name(record_type: RecordType, column: Column, comparison: Comparison) -> Value:
    """`contacts/018f…` is stored as its id alone."""
    value = _text(column, comparison)
    written = value.text if isinstance(value, Prefix) else str(value)
    if not written.startswith(record_type.prefix):
        raise _wrong(comparison, f"is no name of this record; names look like {record_type.prefix}018f…")
    identifier = written.removeprefix(record_type.prefix)
    return Prefix(identifier) if isinstance(value, Prefix) and identifier else identifier


def _text(column: Column, comparison: Comparison) -> Value:
    text, starred = _unescape(comparison)
    if not starred or comparison.operator not in ("=", "!=", ":"):
        return text if not starred else f"{text}*"
    if not text:
        raise _wrong(comparison, f"matches everything; write {column.path}:* for `has a value`")
    return Prefix(text)


def _unescape(comparison: Comparison) -> tuple[str, bool]:
    """The text without its escapes, and whether a `*` that is not escaped ends it (which is taken off)."""
    text: list[str] = []
    raw = comparison.text
    at = 0
    while at < len(raw):
        character = raw[at]
        if character == "\\" and at + 1 < len(raw) and (comparison.quoted or raw[at + 1] == "*"):
            at += 1
            character = raw[at]
        elif character == "*" and at == len(raw) - 1:
            return "".join(text), True
        elif character == "*" and comparison.operator in ("=", "!=", ":"):
            raise _wrong(comparison, _INNER_STAR)
        text.append(character)
        at += 1
    return "".join(text), False


def _boolean(_: Column, comparison: Comparison) -> Value:
    if comparison.operator not in ("=", "!=", ":"):
        raise _wrong(comparison, "is compared with = or != only")
    if comparison.quoted or comparison.text not in ("true", "false"):
        raise _wrong(comparison, "must be true or false")
    return comparison.text == "true"


def _integer(column: Column, comparison: Comparison) -> Value:
    if comparison.quoted or not _INTEGER.fullmatch(comparison.text):
        raise _wrong(comparison, "must be a whole number without quotes")
    value = int(comparison.text)
    low, high = _RANGES.get(column.descriptor.type, (-(2**63), 2**63 - 1))
    if not low <= value <= high:
        raise _wrong(comparison, f"must lie between {low} and {high}")
    return value


def _number(_: Column, comparison: Comparison) -> Value:
    if comparison.quoted or not _NUMBER.fullmatch(comparison.text):
        raise _wrong(comparison, "must be a number without quotes")
    value = float(comparison.text)
    if not math.isfinite(value):
        raise _wrong(comparison, "is too large")
    return value


def _enum(column: Column, comparison: Comparison) -> Value:
    enum = column.descriptor.enum_type
    assert enum is not None, column.path
    names = enum.values_by_name
    if comparison.operator not in ("=", "!=", ":"):
        raise _wrong(comparison, "is compared with = or != only")
    if comparison.text not in names:
        raise _wrong(comparison, f"must be one of {one_of(list(names))}")
    return int(names[comparison.text].number)


def _timestamp(_: Column, comparison: Comparison) -> Value:
    """RFC 3339, or a date for the whole day in UTC; cut to the millisecond, as stored."""
    try:
        if _DATE.fullmatch(comparison.text):
            start = datetime.strptime(comparison.text, "%Y-%m-%d").replace(tzinfo=UTC)
            return Day(start, start + timedelta(days=1))
        match = _TIMESTAMP.fullmatch(comparison.text)
        if match is None:
            raise ValueError(comparison.text)
        written = f"{match['date']}T{match['time']}{_offset(match['offset'])}"
        moment = datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _wrong(comparison, "must be a timestamp or a date: 2026-01-31T09:30:00Z or 2026-01-31") from error
    milliseconds = int(((match["fraction"] or "") + "000")[:3])
    return moment.replace(microsecond=milliseconds * 1000)


def _offset(written: str) -> str:
    return "+00:00" if written in ("Z", "z") else written


def _duration(_: Column, comparison: Comparison) -> Value:
    """Seconds with up to nine decimals and `s`, as in proto3 JSON."""
    match = _DURATION.fullmatch(comparison.text)
    if match is None:
        raise _wrong(comparison, "must be a duration in seconds: 90s or 1.5s")
    sign = -1 if match["sign"] else 1
    return Span(sign * int(match["seconds"]), sign * int(f"{match['fraction'] or ''}{'0' * 9}"[:9]))


def _wrong(comparison: Comparison, what: str) -> InvalidArgument:
    shown = comparison.text if len(comparison.text) <= 60 else f"{comparison.text[:60]}…"
    where = f"of {comparison.path} at character {comparison.position}"
    return InvalidArgument.of("filter", f"value `{shown}` {where} {what}")


_INNER_STAR = r"has a `*` before its end: only beginnings (`abc*`) are found; for a real star write \*"
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DURATION = re.compile(r"(?P<sign>-?)(?P<seconds>[0-9]{1,12})(?:\.(?P<fraction>[0-9]{1,9}))?s")
_TIMESTAMP = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?"
    r"(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})"
)

_RANGES = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SFIXED32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**63 - 1),
    FieldDescriptor.TYPE_FIXED64: (0, 2**63 - 1),
}

_READERS: dict[Kind, Callable[[Column, Comparison], Value]] = {
    Kind.TEXT: _text,
    Kind.BOOLEAN: _boolean,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.ENUM: _enum,
    Kind.TIMESTAMP: _timestamp,
    Kind.DURATION: _duration,
}
