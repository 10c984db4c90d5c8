"""Canonical proto3 JSON for records and requests: compiled once per message type, since json_format is slow.

    encode(message) -> dict          what `orjson.dumps` takes; 50 contacts in 0.6 ms instead of 4.5
    decode(Contact, value) -> Contact   what `orjson.loads` gave; an error names the field and the fix

JSON names are lowerCamelCase; snake_case is understood too, as the protobuf specification asks. 64-bit integers are
texts, enums their names, timestamps RFC 3339 in UTC with at least milliseconds, bytes base64.
Source: https://protobuf.dev/programming-guides/json/
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from services.chassis.resources.json_decoding import Fields, JsonRefused, decoder
from services.chassis.resources.json_encoding import Encoder, encoder
from services.chassis.resources.json_values import Refusal

__all__ = ["Encoder", "JsonRefused", "decode", "decode_fields", "encode", "encoder"]

M = TypeVar("M", bound=Message)


def encode(message: Message) -> dict[str, Any]:
    """A message as canonical JSON values; fields at their default are left out."""
    encoded: dict[str, Any] = encoder(message.DESCRIPTOR)(message)
    return encoded


def decode(
    message_class: type[M],
    value: object,
    *,
    drop_output_only: bool = False,
    ignore_unknown: bool = False,
) -> M:
    """A message from JSON values.

    Args:
        drop_output_only: leave out what a record declares as output only: input from clients (AIP-203).
        ignore_unknown: skip fields that this version does not know: events of newer services.

    Raises:
        JsonRefused: a value is wrong; it names the field, what is expected and the fix.
    """
    fields = decode_fields(
        cast(Descriptor, message_class.DESCRIPTOR),
        value,
        drop_output_only=drop_output_only,
        ignore_unknown=ignore_unknown,
    )
    return message_class(**fields)


def decode_fields(
    message: Descriptor, value: object, *, drop_output_only: bool = False, ignore_unknown: bool = False
) -> Fields:
    """The keyword arguments of a message's constructor, from JSON values.

    Raises:
        JsonRefused: as for `decode`.
    """
    try:
        fields: Fields = decoder(message, drop_output_only, ignore_unknown)(value)
        return fields
    except Refusal as refusal:
        raise JsonRefused(refusal) from None
