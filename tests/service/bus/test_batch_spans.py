"""One consumer span per event, in the event's own trace, whether it shared a transaction or was handled alone after."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from amqp.basic_message import Message
from kith.sales.v1.lead_pb2 import Lead
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from services.chassis import mongo
from services.chassis.bus.delivery import Deliveries, Delivery
from services.chassis.bus.events import Event
from services.chassis.bus.failures import Failures
from services.chassis.bus.handlers import Handlers
from services.chassis.resources.records import Record
from services.chassis.resources.store import Store
from services.chassis.resources.transaction import Transaction
from services.chassis.settings import Settings
from services.chassis.telemetry import spans
from services.chassis.telemetry.mongo import MongoSpans
from tests.service.bus.stage import PREFIX, Stage
from tests.service.bus.test_delivery import bodies

HANDLERS = Handlers()


@HANDLERS.handles("lead.created")
def assign(event: Event, tx: Transaction) -> None:
    """Changes the lead. One that is called poison does not get through behind others."""

    def change(lead: Lead) -> None:
        lead.company = "assigned"

    tx.update(Lead, event.record, change, verb="assigned")
    if event.message(Lead).company == "poison" and len(tx.changes) > 1:
        raise ValueError("not with others")


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.get_empty(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    spans.install(provider.get_tracer("kith"))
    yield kept
    spans.install(None)


@pytest.fixture
def deliveries(stage: Stage) -> Iterator[Deliveries]:
    settings = Settings(listen="", mongodb_uri=stage.servers.mongodb_uri)
    with mongo.connect(settings, MongoSpans()) as client:
        store = Store(client, PREFIX + "sales", [Record(Lead)])
        yield Deliveries("sales", store, HANDLERS, "sales.events.v1", lambda _seconds: False)


def opened(stage: Stage, tenant: str, deliveries: Deliveries, companies: Sequence[str]) -> list[Delivery]:
    """Deliveries of new leads, each of a trace of its own."""
    for company in companies:
        stage.create(tenant, company, traceparent=f"00-{uuid.uuid4().hex}-b7ad6b7169203331-01")
    return [deliveries.open(Message(body)) for body in bodies(stage, tenant)]


def trace_ids(taken: Sequence[Delivery]) -> list[str]:
    return [one.event.traceparent.split("-")[1] for one in taken if isinstance(one.event, Event)]


def assigned(stage: Stage, tenant: str) -> list[dict[str, Any]]:
    return [change for change in stage.changes(tenant) if change["verb"] == "assigned"]


def by_trace(exporter: InMemorySpanExporter) -> dict[str, list[ReadableSpan]]:
    found: dict[str, list[ReadableSpan]] = {}
    for span in exporter.get_finished_spans():
        assert span.context is not None
        found.setdefault(f"{span.context.trace_id:032x}", []).append(span)
    return found


def test_each_event_has_its_span_and_what_its_handler_changed_names_it(
    stage: Stage, tenant: str, deliveries: Deliveries, exporter: InMemorySpanExporter
) -> None:
    taken = opened(stage, tenant, deliveries, ["one", "two", "three"])
    assert not any(one.alone for one in taken)
    assert deliveries.settle(taken, Failures("sales", (), _no_publisher))
    traces = by_trace(exporter)
    assert set(traces) == set(trace_ids(taken))
    changes = assigned(stage, tenant)
    for trace_id, change in zip(trace_ids(taken), changes, strict=True):
        [consumer] = [span for span in traces[trace_id] if span.kind is SpanKind.CONSUMER]
        assert consumer.parent is not None
        assert f"{consumer.parent.span_id:016x}" == "b7ad6b7169203331"
        assert consumer.attributes is not None
        assert consumer.attributes["kith.batch.size"] == 3
        assert consumer.context is not None
        assert change["trace"] == f"00-{trace_id}-{consumer.context.span_id:016x}-01"
        assert change["actor"] == "services/sales"
        assert any(span.name == "update leads" for span in traces[trace_id]), "MongoDB is seen in every trace"
    assert any(span.name == "commitTransaction" for span in traces[trace_ids(taken)[0]])


def test_events_that_do_not_get_through_together_have_one_span_each_all_the_same(
    stage: Stage, tenant: str, deliveries: Deliveries, exporter: InMemorySpanExporter
) -> None:
    taken = opened(stage, tenant, deliveries, ["one", "poison", "three"])
    failed = Failures("sales", (), _no_publisher)
    assert not deliveries.settle(taken, failed)
    assert assigned(stage, tenant) == [], "a batch that failed left something behind"
    for one in taken:
        assert deliveries.settle([one], failed)
    assert len(assigned(stage, tenant)) == 3
    traces = by_trace(exporter)
    for trace_id in trace_ids(taken):
        assert [span.kind for span in traces[trace_id]].count(SpanKind.CONSUMER) == 1


def _no_publisher() -> Any:
    raise AssertionError("nothing is put aside")
