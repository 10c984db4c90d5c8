"""What follows for an opportunity from its stage and its lines."""

from __future__ import annotations

import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from kith.sales.v1.line_item_pb2 import LineItem
from kith.sales.v1.opportunity_pb2 import (
    OPPORTUNITY_STATE_LOST,
    OPPORTUNITY_STATE_OPEN,
    OPPORTUNITY_STATE_WON,
    Opportunity,
)
from kith.sales.v1.order_pb2 import Order
from kith.sales.v1.pipeline_pb2 import STAGE_OUTCOME_LOST, STAGE_OUTCOME_OPEN, STAGE_OUTCOME_WON, Pipeline, StageOutcome

from services.sales.rules import dates, lines, stages

CLOSED = frozenset({OPPORTUNITY_STATE_WON, OPPORTUNITY_STATE_LOST})

_STATES = {
    STAGE_OUTCOME_OPEN: OPPORTUNITY_STATE_OPEN,
    STAGE_OUTCOME_WON: OPPORTUNITY_STATE_WON,
    STAGE_OUTCOME_LOST: OPPORTUNITY_STATE_LOST,
}
_CERTAIN = {OPPORTUNITY_STATE_WON: 100, OPPORTUNITY_STATE_LOST: 0}


def moves(after: Opportunity, before: Opportunity | None) -> bool:
    """Whether it enters a stage: only then is the pipeline asked, which may have lost the stage since."""
    return before is None or (after.pipeline, after.stage) != (before.pipeline, before.stage)


def enter_stage(after: Opportunity, before: Opportunity | None, pipeline: Pipeline) -> None:
    """Sets stage, state and probability: the first stage if none is named, and the stage's probability unless another
    one is given.

    Raises:
        InvalidArgument: the pipeline has no such stage.
    """
    after.pipeline = pipeline.name
    stage = stages.named(pipeline, after.stage) if after.stage else stages.first(pipeline, STAGE_OUTCOME_OPEN)
    after.stage = stage.display_name
    after.state = _STATES[stage.outcome]
    given = after.probability_percent != (before.probability_percent if before is not None else 0)
    if not given:
        after.probability_percent = stage.probability_percent


def complete(after: Opportunity, before: Opportunity | None, now: datetime.datetime) -> None:
    """Sets the amount from the lines, what is certain once it is closed, and when that was. `now` is naive UTC.

    Raises:
        InvalidArgument: the lines have no sum, or the close date is no day.
    """
    dates.check("opportunity.close_date", after.close_date)
    if after.lines:
        after.amount.CopyFrom(lines.total(after.lines, "opportunity.lines"))
    if after.state not in CLOSED:
        after.ClearField("close_time")
        return
    after.probability_percent = _CERTAIN[after.state]
    if before is None:
        if not after.HasField("close_time"):
            after.close_time.CopyFrom(_timestamp(_closed_at(after.close_date, now)))
    elif before.state != after.state:
        after.close_time.CopyFrom(_timestamp(now))
    elif not after.HasField("close_time"):
        after.close_time.CopyFrom(before.close_time)


def is_closed_as(opportunity: Opportunity, outcome: StageOutcome) -> bool:
    """Whether it has ended with that outcome, in whatever stage."""
    return opportunity.state in CLOSED and opportunity.state == _STATES[outcome]


def verb(after: Opportunity, before: Opportunity) -> str:
    """What an update means: `won`, `lost` or `updated`."""
    if after.state != before.state:
        if after.state == OPPORTUNITY_STATE_WON:
            return "won"
        if after.state == OPPORTUNITY_STATE_LOST:
            return "lost"
    return "updated"


def order_of(opportunity: Opportunity) -> Order:
    """What was sold: its lines, or one line with the whole amount."""
    order = Order(
        account=opportunity.account,
        contact=opportunity.contact,
        opportunity=opportunity.name,
        lines=opportunity.lines,
        owner=opportunity.owner,
    )
    if not order.lines:
        whole = LineItem(description=opportunity.display_name, quantity=1)
        if opportunity.HasField("amount"):
            whole.unit_price.CopyFrom(opportunity.amount)
        order.lines.append(whole)
    return order


def _closed_at(close_date: str, now: datetime.datetime) -> datetime.datetime:
    """One that comes closed was closed on its close date, unless that lies ahead."""
    day = dates.start_of(close_date) if close_date else now
    return min(day, now)


def _timestamp(moment: datetime.datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
