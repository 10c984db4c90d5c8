"""Single JSON values into what protobuf constructors take; each refusal says what is expected.

A converter takes what `orjson.loads` gives and returns the value, or raises `Refusal`. The containers around it
add the path on the way up, so that a right value costs nothing for it.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime
from difflib import get_close_matches
from math import isfinite
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import ListValue, Struct, Value

Converter = Callable[[Any], Any]

MOST_ITEMS = 10_000  # in one list
DEEPEST = 32  # levels of JSON within each other


class Refusal(Exception):
    """A value that is wrong, with what is expected; `proto` and `json` are its path, gathered on the way up."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected
        self.proto: list[str] = []
        self.json: list[str] = []

    def under(self, proto: str, json: str) -> Refusal:
        """Adds the next outer step of the path."""
        self.proto.append(proto)
        self.json.append(json)
        return self


def text(value: Any) -> str:
    """A text without NUL, which no text can sensibly hold and databases refuse in keys."""
    if type(value) is not str:
        raise Refusal(f"expects a text, not {shown(value)}")
    if "\0" in value:
        raise Refusal(f"has a NUL character at position {value.index(chr(0))}: remove it")
    if not value.isascii():
        _refuse_surrogates(value)
    return value


def boolean(value: Any) -> bool:
    """true or false."""
    if type(value) is not bool:
        raise Refusal(f"expects true or false, not {shown(value)}")
    return value


def integer(low: int, high: int) -> Converter:
    """A converter of whole numbers from `low` to `high`, given as numbers or as decimal texts."""

    def convert(value: Any) -> int:
        if type(value) is int:
            number = value
        elif (type(value) is float and value.is_integer()) or (type(value) is str and _INTEGER.match(value)):
            number = int(value)
        else:
            raise Refusal(f"expects a whole number, not {shown(value)}")
        if not low <= number <= high:
            raise Refusal(f"expects a whole number from {low} to {high}, not {shown(value)}")
        return number

    return convert


def number(value: Any) -> float:
    """A number, or the texts NaN, Infinity and -Infinity."""
    if type(value) is float or type(value) is int:
        return float(value)
    if type(value) is str:
        if value in ("NaN", "Infinity", "-Infinity"):
            return float(value)
        if _NUMBER.match(value) and isfinite(found := float(value)):
            return found
    raise Refusal(f"expects a number, not {shown(value)}")


def single(value: Any) -> float:
    """A number that 32 bits can hold."""
    found = number(value)
    if isfinite(found) and abs(found) > 3.4028235e38:
        raise Refusal(f"expects a number up to 3.4e38, not {shown(value)}")
    return found


def octets(value: Any) -> bytes:
    """Bytes from base64, of either alphabet, with or without padding."""
    if type(value) is str and _BASE64.match(value):
        plain = value.rstrip("=").replace("-", "+").replace("_", "/")
        if len(plain) % 4 != 1:
            return b64decode(plain + "=" * (-len(plain) % 4))
    raise Refusal(f"expects base64 text, not {shown(value)}")


def enum(declared: EnumDescriptor) -> Converter:
    """A converter of an enum's names; numbers are taken as well."""
    numbers = {value.name: value.number for value in declared.values}

    def convert(value: Any) -> int:
        if type(value) is str:
            found = numbers.get(value)
            if found is not None:
                return found
        elif type(value) is int and -(2**31) <= value < 2**31:
            return value
        raise Refusal(f"expects one of {', '.join(numbers)}, not {shown(value)}{closest(value, numbers)}")

    return convert


def timestamp(value: Any) -> dict[str, int]:
    """A moment as RFC 3339 text with time zone, from year 1 to 9999."""
    match = _MOMENT.match(value) if type(value) is str else None
    if match is not None:
        day, digits, zone = match.groups()
        try:
            moment = datetime.fromisoformat(day.upper() + (zone if zone not in "zZ" else "+00:00"))
            seconds = int(moment.timestamp())
        except (ValueError, OverflowError):
            seconds = _BEGINNING - 1
        if _BEGINNING <= seconds <= _END:
            return {"seconds": seconds, "nanos": int((digits or "").ljust(9, "0"))}
    raise Refusal(f"expects a time such as 2026-01-31T12:00:00Z (RFC 3339), not {shown(value)}")


def duration(value: Any) -> dict[str, int]:
    """A duration as text of seconds, such as `1.5s`, up to about 10,000 years."""
    match = _SECONDS.match(value) if type(value) is str else None
    if match is None or int(match[2]) > 315_576_000_000:
        raise Refusal(f"expects seconds such as 1.5s, not {shown(value)}")
    sign = -1 if match[1] else 1
    return {"seconds": sign * int(match[2]), "nanos": sign * int((match[3] or "").ljust(9, "0"))}


def field_mask(value: Any) -> FieldMask:
    """Field paths separated by commas, in lowerCamelCase or snake_case: `givenName,mailingAddress.city`."""
    if type(value) is not str:
        raise Refusal(f"expects field paths separated by commas, not {shown(value)}")
    paths = [path.strip() for path in value.split(",")] if value else []
    wrong = next((path for path in paths if not _PATH.match(path)), None)
    if wrong is not None:
        raise Refusal(f"expects field paths separated by commas; {shown(wrong)} is none")
    return FieldMask(paths=[snake(path) for path in paths])


def any_value(value: Any, depth: int = 1) -> Value:
    """Any JSON value (google.protobuf.Value), at most 32 levels deep."""
    if depth > DEEPEST:
        raise Refusal(f"is nested deeper than {DEEPEST} levels")
    if value is None:
        return Value(null_value=0)  # type: ignore[arg-type]  # the stubs want the enum's own type
    if type(value) is bool:
        return Value(bool_value=value)
    if type(value) is str:
        return Value(string_value=text(value))
    if type(value) is list:
        return Value(list_value=any_list(value, depth))
    if type(value) is dict:
        return Value(struct_value=struct(value, depth))
    return Value(number_value=number(value))


def struct(value: Any, depth: int = 1) -> Struct:
    """A JSON object of any content (google.protobuf.Struct)."""
    if type(value) is not dict:
        raise Refusal(f"expects an object, not {shown(value)}")
    made = Struct()
    for key, item in value.items():
        try:
            made.fields[text(key)].CopyFrom(any_value(item, depth + 1))
        except Refusal as refusal:
            raise refusal.under(key, key) from None
    return made


def any_list(value: Any, depth: int = 1) -> ListValue:
    """A JSON list of any content (google.protobuf.ListValue)."""
    if type(value) is not list:
        raise Refusal(f"expects a list, not {shown(value)}")
    made = ListValue()
    for index, item in enumerate(value):
        try:
            made.values.add().CopyFrom(any_value(item, depth + 1))
        except Refusal as refusal:
            raise refusal.under(f"[{index}]", f"[{index}]") from None
    return made


def shown(value: Any) -> str:
    """A value for an error text: its kind, and the beginning of what is short enough to be recognised by."""
    if value is None:
        return "null"
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) in (int, float):
        return repr(value)[:40]
    if type(value) is str:
        return f'the text "{value[:40]}{"…" if len(value) > 40 else ""}"'.encode(errors="replace").decode()
    return "a list" if type(value) is list else "an object"


def closest(value: Any, known: Any) -> str:
    """`; did you mean x?` for a known name that is much like the value; else empty."""
    # Comparing costs the product of the lengths: nobody mistypes a name by that much.
    if type(value) is not str or len(value) > 100:
        return ""
    plain = {name.lower().replace("_", ""): name for name in known}
    found = get_close_matches(value.lower().replace("_", ""), plain, n=1, cutoff=0.6)
    return f"; did you mean {plain[found[0]]}?" if found else ""


def snake(path: str) -> str:
    """A JSON path in snake_case, as protos name fields."""
    return _UPPER.sub(lambda match: "_" + match[0].lower(), path)


def _refuse_surrogates(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Refusal(f"has half a character (a lone surrogate) at position {error.start}: remove it") from None


_INTEGER = re.compile(r"-?[0-9]{1,25}\Z")
_NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,4})?\Z")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}\Z")
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)\Z", re.ASCII
)
_SECONDS = re.compile(r"(-)?([0-9]{1,12})(?:\.([0-9]{1,9}))?s\Z")
_PATH = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*\Z")
_UPPER = re.compile(r"[A-Z]")
_BEGINNING, _END = -62_135_596_800, 253_402_300_799

_SCALARS: dict[int, Converter] = {
    FieldDescriptor.CPPTYPE_STRING: text,
    FieldDescriptor.CPPTYPE_BOOL: boolean,
    FieldDescriptor.CPPTYPE_INT32: integer(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: integer(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: integer(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: integer(0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: number,
    FieldDescriptor.CPPTYPE_FLOAT: single,
}


def scalar(field: FieldDescriptor) -> Converter:
    """The converter of one value of a field that holds no message."""
    if field.enum_type is not None:
        return enum(field.enum_type)
    return octets if field.type == FieldDescriptor.TYPE_BYTES else _SCALARS[field.cpp_type]


WELL_KNOWN: dict[str, Converter] = {
    "google.protobuf.Timestamp": timestamp,
    "google.protobuf.Duration": duration,
    "google.protobuf.FieldMask": field_mask,
    "google.protobuf.Struct": struct,
    "google.protobuf.Value": any_value,
    "google.protobuf.ListValue": any_list,
}
