"""Records as JSON: the same as protobuf's own mapping, and every wrong value refused with its place."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, settings
from hypothesis import strategies as st
from kith.contact.v1 import contact_pb2
from kith.sales.v1 import lead_pb2, opportunity_pb2
from kith.type.v1 import change_pb2, platform_service_pb2

from services.chassis import protos
from services.chassis.resources import json_codec
from services.chassis.resources.json_codec import JsonRefused

FULL = contact_pb2.Contact(
    name="contacts/1",
    etag="7",
    create_time={"seconds": 1_790_000_000, "nanos": 120_000_000},
    given_name="Zoë",
    email_addresses=[{"value": "a@b.c", "type": "work"}, {"value": "d@e.f"}],
    mailing_address={"city": "København"},
    email_opt_out=True,
    tags=["a", "b"],
)


def test_a_record_is_canonical_json() -> None:
    assert json_codec.encode(FULL) == {
        "name": "contacts/1",
        "etag": "7",
        "createTime": "2026-09-21T14:13:20.120Z",
        "givenName": "Zoë",
        "emailAddresses": [{"value": "a@b.c", "type": "work"}, {"value": "d@e.f"}],
        "mailingAddress": {"city": "København"},
        "emailOptOut": True,
        "tags": ["a", "b"],
    }


def test_64_bit_integers_are_texts_and_enums_are_names() -> None:
    deal = opportunity_pb2.Opportunity(amount={"currency_code": "EUR", "amount_minor": 2**60}, probability_percent=5)
    deal.state = opportunity_pb2.OPPORTUNITY_STATE_WON
    assert json_codec.encode(deal) == {
        "amount": {"currencyCode": "EUR", "amountMinor": str(2**60)},
        "probabilityPercent": 5,
        "state": "OPPORTUNITY_STATE_WON",
    }


def test_an_enum_number_that_is_not_known_yet_stays_a_number() -> None:
    assert json_codec.encode(lead_pb2.Lead(status=77)) == {"status": 77}  # type: ignore[arg-type]  # from a newer peer
    assert json_codec.decode(lead_pb2.Lead, {"status": 77}).status == 77


def test_any_json_value_survives() -> None:
    value: dict[str, Any] = {"before": {"a": [1, 1.5, None, True, "x", {}]}, "after": None, "field": "f"}
    change = json_codec.decode(change_pb2.FieldChange, value)
    assert json_codec.encode(change) == value


@pytest.mark.parametrize("message", [protos.message_class(record) for record in protos.records()])
def test_every_record_survives_json_and_agrees_with_protobuf(message: type[Message]) -> None:
    filled = _filled(message)
    encoded = orjson.loads(orjson.dumps(json_codec.encode(filled)))
    assert json_format.ParseDict(encoded, message()) == filled
    assert json_codec.decode(message, encoded) == filled
    assert json_codec.decode(message, json_format.MessageToDict(filled)) == filled
    assert json_codec.decode(message, json_format.MessageToDict(filled, preserving_proto_field_name=True)) == filled


def test_null_is_as_good_as_nothing() -> None:
    assert json_codec.decode(contact_pb2.Contact, {"givenName": None, "tags": None}) == contact_pb2.Contact()


@pytest.mark.parametrize(
    ("value", "path", "json_path", "word"),
    [
        ({"givenName": 1}, "given_name", "givenName", "text"),
        (
            {"mailing_address": {"postalCode": True}},
            "mailing_address.postal_code",
            "mailing_address.postalCode",
            "text",
        ),
        ({"emailAddresses": [{}, {"valu": ""}]}, "email_addresses[1].valu", "emailAddresses[1].valu", "value"),
        ({"createTime": "yesterday"}, "create_time", "createTime", "RFC 3339"),
        ({"tags": {}}, "tags", "tags", "list"),
        ({"tags": ["\ud800"]}, "tags[0]", "tags[0]", "surrogate"),
        ({"tags": ["a\0"]}, "tags[0]", "tags[0]", "NUL"),
        ({"given_name": "a", "givenName": "b"}, "given_name", "givenName", "twice"),
        ([], "", "", "object"),
    ],
)
def test_a_refusal_names_both_paths_and_the_fix(value: Any, path: str, json_path: str, word: str) -> None:
    with pytest.raises(JsonRefused) as refused:
        json_codec.decode(contact_pb2.Contact, value)
    assert refused.value.violations[0].field == path
    assert refused.value.json_path == json_path
    assert word in refused.value.message


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 1.5, "1.5", "x", True, 1e300, "9" * 30])
def test_a_number_outside_of_its_type_is_refused(value: Any) -> None:
    with pytest.raises(JsonRefused):
        json_codec.decode(platform_service_pb2.ListEventsRequest, {"pageSize": value})


@pytest.mark.parametrize("value", [5, "5", 5.0, "-0"])
def test_a_number_may_come_as_text(value: Any) -> None:
    assert json_codec.decode(platform_service_pb2.ListEventsRequest, {"pageSize": value}).page_size in (0, 5)


def test_events_of_newer_services_can_be_read() -> None:
    value = {"givenName": "Ada", "shoeSize": {"eu": 38}}
    assert json_codec.decode(contact_pb2.Contact, value, ignore_unknown=True).given_name == "Ada"


def test_input_cannot_set_what_is_output_only() -> None:
    value = {"givenName": "Ada", "creator": "users/mallory", "createTime": "x"}
    assert json_codec.decode(contact_pb2.Contact, value, drop_output_only=True) == contact_pb2.Contact(given_name="Ada")


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("1970-01-01T00:00:00Z", 0, 0),
        ("1969-12-31T23:59:59.5Z", -1, 500_000_000),
        ("2026-01-31T12:00:00.123456789+02:00", 1_769_853_600, 123_456_789),
        ("0001-01-01T00:00:00Z", -62_135_596_800, 0),
        ("9999-12-31t23:59:59.999z", 253_402_300_799, 999_000_000),
    ],
)
def test_a_time_is_read_exactly(text: str, seconds: int, nanos: int) -> None:
    time = json_codec.decode(contact_pb2.Contact, {"createTime": text}).create_time
    assert (time.seconds, time.nanos) == (seconds, nanos)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:60Z",
        "0001-01-01T00:00:00+01:00",
        "٢٠٢٦-01-01T00:00:00Z",
    ],
)
def test_a_time_that_never_was_is_refused(text: str) -> None:
    with pytest.raises(JsonRefused):
        json_codec.decode(contact_pb2.Contact, {"createTime": text})


def test_maps_optional_fields_and_types_that_contain_themselves_work() -> None:
    message = _odd_type()
    value = {
        "counts": {"a": "1"},
        "flags": {"true": "x"},
        "maybe": 0,
        "child": {"child": {"raw": "AAE="}},
        "wait": "1.500s",
    }
    made = json_codec.decode(message, value)
    assert json_codec.encode(made) == {**value, "wait": "1.5s"}
    assert json_format.ParseDict(value, message()) == made


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(value=st.dictionaries(st.sampled_from(["givenName", "tags", "mailingAddress", "createTime", "x"]), values))
@settings(max_examples=300, deadline=None)
def test_nothing_but_a_refusal_ever_comes_of_bad_values(value: Any) -> None:
    try:
        made = json_codec.decode(contact_pb2.Contact, value)
    except JsonRefused:
        return
    assert json_codec.decode(contact_pb2.Contact, json_codec.encode(made)) == made


def _filled(message: type[Message], depth: int = 0) -> Message:
    made = message()
    field: Any
    for field in message.DESCRIPTOR.fields:
        value: Any
        if field.message_type is not None and field.message_type.full_name == "google.protobuf.Timestamp":
            value = {"seconds": 1_790_000_000 + field.number, "nanos": field.number * 1_000_000}
        elif field.message_type is not None:
            if depth > 3 or field.message_type.full_name.startswith("google.") or protos.is_map(field):
                continue
            value = _filled(protos.message_class(field.message_type), depth + 1)
        else:
            value = field.enum_type.values[-1].number if field.enum_type else _scalar(field)
        made.MergeFrom(message(**{field.name: [value, value] if field.is_repeated else value}))
    return made


def _scalar(field: Any) -> Any:
    samples = {
        field.CPPTYPE_STRING: f"{field.name} ø",
        field.CPPTYPE_BOOL: True,
        field.CPPTYPE_DOUBLE: 0.1,
        field.CPPTYPE_FLOAT: 0.5,
    }
    return samples.get(field.cpp_type, field.number)


def _odd_type() -> type[Message]:
    file = FileDescriptorProto(name="odd.proto", package="odd", syntax="proto3")
    file.dependency.append("google/protobuf/duration.proto")
    odd = file.message_type.add(name="Odd")
    _map(odd, "counts", 1, FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.TYPE_INT64)
    _map(odd, "flags", 2, FieldDescriptorProto.TYPE_BOOL, FieldDescriptorProto.TYPE_STRING)
    odd.field.add(
        name="maybe", number=3, type="TYPE_INT32", label="LABEL_OPTIONAL", proto3_optional=True, oneof_index=0
    )
    odd.oneof_decl.add(name="_maybe")
    odd.field.add(name="child", number=4, type="TYPE_MESSAGE", type_name=".odd.Odd", label="LABEL_OPTIONAL")
    odd.field.add(name="raw", number=5, type="TYPE_BYTES", label="LABEL_OPTIONAL")
    odd.field.add(
        name="wait", number=6, type="TYPE_MESSAGE", type_name=".google.protobuf.Duration", label="LABEL_OPTIONAL"
    )
    pool = DescriptorPool()
    from google.protobuf import descriptor_pb2, duration_pb2

    for known in (duration_pb2, descriptor_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("odd.Odd"))


def _map(message: Any, name: str, number: int, key: Any, value: Any) -> None:
    entry = message.nested_type.add(name=f"{name.capitalize()}Entry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=key, label=FieldDescriptorProto.LABEL_OPTIONAL)
    entry.field.add(name="value", number=2, type=value, label=FieldDescriptorProto.LABEL_OPTIONAL)
    message.field.add(
        name=name, number=number, type="TYPE_MESSAGE", type_name=f".odd.Odd.{entry.name}", label="LABEL_REPEATED"
    )
