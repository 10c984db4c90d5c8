"""Message to JSON: Python source is generated from a descriptor and compiled once per message type.

For `Contact` it reads as one would write it by hand, which is why it is fast:

    def encode(m):
        d = {}
        v = m.given_name
        if v: d['givenName'] = v
        if m.HasField('create_time'): d['createTime'] = timestamp(m.create_time)
        v = m.email_addresses
        if v: d['emailAddresses'] = [e14(x) for x in v]
        return d
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import date
from functools import cache, lru_cache
from math import isfinite, isnan
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

Encoder = Callable[[Any], Any]


@cache
def encoder(message: Descriptor) -> Encoder:
    """The compiled encoder of a message type: message to JSON values."""
    known = _WELL_KNOWN.get(message.full_name)
    if known is not None:
        return known
    names: dict[str, Any] = {}
    lines = ["def encode(m):", " d = {}"]
    for field in message.fields:
        lines += _field_lines(field, names)
    lines.append(" return d")
    exec(compile("\n".join(lines), f"<json of {message.full_name}>", "exec"), names)
    encode: Encoder = names["encode"]
    return encode


def _field_lines(field: FieldDescriptor, names: dict[str, Any]) -> list[str]:
    put = f"d[{field.json_name!r}] ="
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
        pairs = f"{{{_key(key)}: {_value(value, names, 'v[k]')} for k in v}}"
        return [f" v = m.{field.name}", f" if v: {put} {pairs}"]
    if field.is_repeated:
        return [f" v = m.{field.name}", f" if v: {put} {_list(field, names)}"]
    if field.has_presence:
        return [f" if m.HasField({field.name!r}): {put} {_value(field, names, f'm.{field.name}')}"]
    return [f" v = m.{field.name}", f" if v: {put} {_value(field, names, 'v')}"]


def _list(field: FieldDescriptor, names: dict[str, Any]) -> str:
    item = _value(field, names, "x")
    return "list(v)" if item == "x" else f"[{item} for x in v]"


def _value(field: FieldDescriptor, names: dict[str, Any], value: str) -> str:
    """Source of one value's JSON; what it calls is put into `names`."""
    if field.message_type is not None:
        name = f"e{field.number}"
        names[name] = _nested(field.message_type)
        return f"{name}({value})"
    if field.enum_type is not None:
        name = f"n{field.number}"
        names[name] = _enum_names(field.enum_type)
        return f"{name}.get({value}, {value})"
    if field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64):
        return f"str({value})"
    if field.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        names["number"] = _single if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT else _double
        return f"number({value})"
    if field.type == FieldDescriptor.TYPE_BYTES:
        names["base64"] = _base64
        return f"base64({value})"
    return value


def _key(field: FieldDescriptor) -> str:
    if field.type == FieldDescriptor.TYPE_BOOL:
        return "'true' if k else 'false'"
    return "k" if field.type == FieldDescriptor.TYPE_STRING else "str(k)"


def _nested(message: Descriptor) -> Encoder:
    if message.full_name in _WELL_KNOWN or not _reaches(message, message):
        return encoder(message)
    # A type that contains itself is compiled when it is met, or compiling would never end.
    return lambda value: encoder(message)(value)  # noqa: PLW0108  (as it says)


def _reaches(start: Descriptor, target: Descriptor) -> bool:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for field in waiting.pop().fields:
            inner = field.message_type
            if inner is None or inner.full_name in seen or inner.full_name in _WELL_KNOWN:
                continue
            if inner.full_name == target.full_name:
                return True
            seen.add(inner.full_name)
            waiting.append(inner)
    return False


def _enum_names(enum: EnumDescriptor) -> dict[int, str | None]:
    if enum.full_name == "google.protobuf.NullValue":
        return {0: None}
    return {value.number: value.name for value in reversed(enum.values)}


def _double(value: float) -> float | str:
    if isfinite(value):
        return value
    return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _single(value: float) -> float | str:
    # Seven digits carry a 32-bit number; more would show the noise of its conversion.
    return float(f"{value:.8g}") if isfinite(value) else _double(value)


def _base64(value: bytes) -> str:
    return b64encode(value).decode("ascii")


def _timestamp(value: Any) -> str:
    nanos = value.nanos
    days, rest = divmod(value.seconds, 86_400)
    minutes, seconds = divmod(rest, 60)
    start = f"{_day(days)}T{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    if nanos % 1_000_000 == 0:
        return f"{start}.{nanos // 1_000_000:03d}Z"
    return f"{start}.{nanos // 1_000:06d}Z" if nanos % 1_000 == 0 else f"{start}.{nanos:09d}Z"


@lru_cache(maxsize=4096)
def _day(days: int) -> str:
    """The date so many days after 1970-01-01 as YYYY-MM-DD, from year 1 to 9999."""
    return date.fromordinal(719_163 + days).isoformat()


def _duration(value: Any) -> str:
    seconds, nanos = value.seconds, value.nanos
    sign = "-" if seconds < 0 or nanos < 0 else ""
    digits = f".{abs(nanos):09d}".rstrip("0") if nanos else ""
    return f"{sign}{abs(seconds)}{digits}s"


def _mask(value: Any) -> str:
    return ",".join(".".join(_camel(step) for step in path.split(".")) for path in value.paths)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other[:1].upper() + other[1:] for other in others)


def _struct(value: Any) -> dict[str, Any]:
    return {key: _any_value(item) for key, item in value.fields.items()}


def _any_list(value: Any) -> list[Any]:
    return [_any_value(item) for item in value.values]


def _any_value(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    if kind == "struct_value":
        return _struct(value.struct_value)
    if kind == "list_value":
        return _any_list(value.list_value)
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) <= 2**53 else _double(number)
    return getattr(value, kind)


def _wrapped(value: Any) -> Any:
    return value.value


_WELL_KNOWN: dict[str, Encoder] = {
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
    "google.protobuf.FieldMask": _mask,
    "google.protobuf.Struct": _struct,
    "google.protobuf.Value": _any_value,
    "google.protobuf.ListValue": _any_list,
    "google.protobuf.BoolValue": _wrapped,
    "google.protobuf.StringValue": _wrapped,
    "google.protobuf.Int32Value": _wrapped,
    "google.protobuf.UInt32Value": _wrapped,
    "google.protobuf.Int64Value": lambda value: str(value.value),
    "google.protobuf.UInt64Value": lambda value: str(value.value),
    "google.protobuf.DoubleValue": lambda value: _double(value.value),
    "google.protobuf.FloatValue": lambda value: _single(value.value),
    "google.protobuf.BytesValue": lambda value: _base64(value.value),
}
