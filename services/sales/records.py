"""The records of the sales service and the rules that hook into their writes."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message
from kith.sales.v1.lead_pb2 import Lead
from kith.sales.v1.opportunity_pb2 import Opportunity
from kith.sales.v1.order_pb2 import Order
from kith.sales.v1.pipeline_pb2 import Pipeline
from kith.sales.v1.product_pb2 import Product
from kith.type.v1.money_pb2 import Money

from services.chassis.resources.counters import next_number
from services.chassis.resources.records import Record
from services.chassis.resources.transaction import Transaction
from services.sales.pipelines import DEFAULT
from services.sales.rules import leads, lines, opportunities, orders, stages

M = TypeVar("M", bound=Message)


def _prepare_lead(_tx: Transaction, after: Lead, before: Lead | None) -> None:
    leads.complete(after, before)


def _prepare_pipeline(tx: Transaction, after: Pipeline, before: Pipeline | None) -> None:
    stages.complete(after)
    DEFAULT.keep_one(tx, after, before)


def _prepare_opportunity(tx: Transaction, after: Opportunity, before: Opportunity | None) -> None:
    if opportunities.moves(after, before):
        pipeline = _remembered(tx, Pipeline, after.pipeline) if after.pipeline else DEFAULT.of(tx)
        opportunities.enter_stage(after, before, pipeline)
    if before is None or after.lines != before.lines:
        lines.complete(after.lines, _prices(tx))
    opportunities.complete(after, before, tx.now)


def _prepare_order(tx: Transaction, after: Order, before: Order | None) -> None:
    if before is None or after.lines != before.lines:
        lines.complete(after.lines, _prices(tx))
    orders.complete(after, tx.now.date())
    if before is None:
        after.order_number = orders.number(next_number(tx, "orders"))


def _prices(tx: Transaction) -> lines.PriceOf:
    def price_of(product: str) -> Money | None:
        found = _remembered(tx, Product, product)
        return found.unit_price if found.HasField("unit_price") else None

    return price_of


def _remembered(tx: Transaction, kind: type[M], name: str) -> M:
    """A record that many others refer to, read once in a transaction."""
    if name not in tx.memory:
        tx.memory[name] = tx.get(kind, name)
    found: M = tx.memory[name]
    return found


RECORDS = (
    Record(Lead, prepare=_prepare_lead, verb=leads.verb),
    Record(Pipeline, prepare=_prepare_pipeline),
    Record(Opportunity, prepare=_prepare_opportunity, verb=opportunities.verb),
    Record(Product),
    Record(Order, prepare=_prepare_order),
)
