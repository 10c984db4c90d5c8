"""An event in one line, made of its descriptor alone."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from google.protobuf.message import Message
from kith.cases.v1.case_pb2 import Case, CaseStatus
from kith.cases.v1.message_pb2 import Message as CaseMessage
from kith.contact.v1.contact_pb2 import Contact
from kith.insight.v1.timeline_entry_pb2 import TimelineEntry
from kith.notification.v1.delivery_pb2 import Delivery
from kith.sales.v1.lead_pb2 import Lead
from kith.sales.v1.opportunity_pb2 import Opportunity
from kith.sales.v1.order_pb2 import Order

from services.chassis.bus.events import Event
from services.chassis.resources import json_codec
from services.chassis.resources.schema import RecordType
from services.insight import entries
from services.insight.rules import wording


def _title(record: Message, verb: str, *changes: dict[str, Any]) -> str:
    kind = RecordType.of(type(record))
    event = Event(
        id="1",
        tenant="t",
        type="",
        service=kind.service,
        kind=kind.kind,
        verb=verb,
        record=kind.name_of("1"),
        version=1,
        actor="users/u",
        time=datetime.datetime.now(datetime.UTC),
        traceparent="",
        data={"record": json_codec.encode(record), "changes": list(changes)},
    )
    return str(entries.document(event, kind, record, [])["title"])


def _change(field: str, before: Any, after: Any) -> dict[str, Any]:
    return {"field": field, "before": before, "after": after}


@pytest.mark.parametrize(
    ("record", "verb", "title"),
    [
        (Opportunity(display_name="Acme renewal"), "won", "Opportunity “Acme renewal” was won"),
        (Case(case_number="C-000012", subject="Broken"), "answered", "Case C-000012 “Broken” was answered"),
        (Lead(given_name="Ada", family_name="Løve", company="Acme"), "converted", "Lead “Ada Løve” was converted"),
        (Lead(company="Acme"), "created", "Lead “Acme” was created"),
        (Order(order_number="O-1"), "created", "Order O-1 was created"),
        (CaseMessage(body="private"), "created", "Message was created"),
        (Delivery(), "failed", "Delivery failed"),
        (
            Contact(display_name="Ada\nLøve " + "x" * 300),
            "undeleted",
            "Contact “Ada Løve " + "x" * 90 + "…” was brought back",
        ),
    ],
)
def test_a_title_says_what_happened_to_what(record: Message, verb: str, title: str) -> None:
    assert _title(record, verb) == title


def test_an_update_says_what_changed() -> None:
    record = Case(subject="Broken", status=CaseStatus.CASE_STATUS_OPEN)
    changes = [_change("status", "CASE_STATUS_NEW", "CASE_STATUS_OPEN"), _change("type", None, "Complaint")]
    assert _title(record, "updated", *changes) == "Case “Broken” was updated: status New → Open, type Complaint"
    changes += [_change("reason", "x", None), _change("origin", "a", "b"), _change("tags", None, ["a"])]
    assert _title(record, "updated", *changes).endswith("type Complaint, reason cleared and 2 more")


def test_an_update_shows_neither_personal_data_nor_names_of_records_nor_long_texts() -> None:
    lead = Lead(company="Acme")
    shown = _title(
        lead,
        "updated",
        _change("phone", "1", "555 1234"),
        _change("owner", None, "users/u"),
        _change("website", "x" * 61, "short"),
    )
    assert shown == "Lead “Acme” was updated: phone changed, owner changed, website changed"
    opportunity = Opportunity(display_name="Deal")
    amounts = _change("amount.amountMinor", "100", "200"), _change("probabilityPercent", 10, 20)
    assert _title(opportunity, "updated", *amounts) == (
        "Opportunity “Deal” was updated: amount changed, probability percent 10 → 20"
    )


def test_words_are_words() -> None:
    assert wording.words("billingAddress.city") == "billing address city"
    assert wording.enum_word("CaseStatus", "CASE_STATUS_WAITING_LONG") == "Waiting long"


def test_the_title_counts_as_personal() -> None:
    info = RecordType.of(TimelineEntry).field("title")
    assert info is not None
    assert info.personal
