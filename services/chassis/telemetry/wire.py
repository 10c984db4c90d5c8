"""The few protobuf shapes of OTLP that Kith writes, as bytes.

A span is turned into its OTLP bytes once, when it ends. Bytes are cheap to keep (the garbage collector
does not look at them) and a batch of them is one `join`. `docs/telemetry.md` has the measurement behind
this; `tests/unit/telemetry/test_wire.py` decodes every shape with the official `opentelemetry-proto`.

Source: opentelemetry-proto 1.x (stable), protobuf encoding guide.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache

Value = str | bool | int | float | Sequence[str]

_LONGEST_VALUE = 1024  # characters of a string attribute; longer ones are cut
_DOUBLE = struct.Struct("<d")
_FIXED64 = struct.Struct("<Q")


def varint(number: int) -> bytes:
    """A base-128 varint; negative numbers are written as 64-bit two's complement."""
    if 0 <= number < 0x80:
        return _ONE_BYTE[number]
    number &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def delimited(field: int, payload: bytes) -> bytes:
    """A length-delimited field: a message, bytes or UTF-8 text."""
    return varint(field << 3 | 2) + varint(len(payload)) + payload


def text(field: int, value: str) -> bytes:
    """A string field. Lone surrogates, which UTF-8 cannot hold, become question marks."""
    return delimited(field, value.encode("utf-8", "replace"))


def integer(field: int, value: int) -> bytes:
    """A varint field: enum, bool or integer."""
    return varint(field << 3) + varint(value)


def fixed64(field: int, value: int) -> bytes:
    """A fixed64 field: counts and times in nanoseconds since 1970."""
    return varint(field << 3 | 1) + _FIXED64.pack(value)


def double(field: int, value: float) -> bytes:
    """A double field."""
    return varint(field << 3 | 1) + _DOUBLE.pack(value)


def attribute(field: int, key: str, value: Value) -> bytes:
    """One `KeyValue` as the given field of whatever holds it."""
    if type(value) is str:
        return _text_attribute(field, key, value)
    return delimited(field, text(1, key) + delimited(2, _any_value(value)))


def attributes(field: int, values: Mapping[str, Value]) -> bytes:
    """All `KeyValue`s of a mapping, each as the given repeated field."""
    return b"".join([attribute(field, key, value) for key, value in values.items()])


@lru_cache(maxsize=2048)
def _text_attribute(field: int, key: str, value: str) -> bytes:
    # Most attributes come from a small set (methods, statuses, collections), so the encoding is remembered.
    return delimited(field, text(1, key) + delimited(2, text(1, value[:_LONGEST_VALUE])))


def _any_value(value: Value) -> bytes:
    if isinstance(value, bool):
        return integer(2, value)
    if isinstance(value, int):
        return integer(3, value)
    if isinstance(value, float):
        return double(4, value)
    if isinstance(value, str):
        return text(1, value[:_LONGEST_VALUE])
    return delimited(5, b"".join([delimited(1, text(1, item[:_LONGEST_VALUE])) for item in value]))


_ONE_BYTE = [bytes([number]) for number in range(0x80)]
