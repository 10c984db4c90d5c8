"""The AsyncAPI document is whole: every event is in it, every reference resolves, real events fit."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from kith.sales.v1.opportunity_pb2 import Opportunity

from services.chassis import asyncapi, protos
from services.chassis.bus.events import cloud_event
from services.chassis.resources import changes
from services.chassis.resources.schema import RecordType

DOCUMENT = asyncapi.document()
NOW = datetime.datetime(2026, 11, 22, 8, 30)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    if isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_record_that_tells_events_has_its_channels() -> None:
    assert {"sales.lead.created", "sales.lead.converted", "contact.contact.updated"} <= DOCUMENT["channels"].keys()
    assert not any(".timeline_entry." in channel for channel in DOCUMENT["channels"]), "a projection tells nothing"


def test_every_reference_resolves() -> None:
    for reference in references(DOCUMENT):
        node = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def test_who_hears_an_event_is_told() -> None:
    receive = DOCUMENT["operations"]["sales.sales.lead.created.receive"]
    assert "nobody owns" in receive["description"]
    assert "insight.sales.lead.created.receive" in DOCUMENT["operations"]


def test_every_schema_of_a_record_has_its_protos_comments() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for record in protos.records():
        if record.full_name in schemas:
            assert schemas[record.full_name]["description"]
            assert all(field.get("description") for field in schemas[record.full_name]["properties"].values())


def test_an_event_fits_its_schema() -> None:
    record = RecordType.of(Opportunity)
    author = changes.Author("tenant", "users/ada")
    before = {"_id": "x", "_version": 1, "tenant": "tenant", "amount": {"amount_minor": 2**60}, "create_time": NOW}
    after = {**before, "_version": 2, "display_name": "Looms", "amount": {"amount_minor": 5, "currency_code": "EUR"}}
    event = cloud_event(record, changes.change_document(author, record, "updated", NOW, before, after))
    payload = DOCUMENT["components"]["messages"]["sales.opportunity.updated"]["payload"]
    schema = {**payload, "components": DOCUMENT["components"]}
    assert list(Draft202012Validator(schema).iter_errors(event)) == []
    values = {change["field"]: (change["before"], change["after"]) for change in event["data"]["changes"]}
    assert values["amount.amountMinor"] == (str(2**60), "5")
