"""Wins and loses opportunities."""

from __future__ import annotations

from collections.abc import Callable

from kith.sales.v1.opportunity_pb2 import OPPORTUNITY_STATE_WON, Opportunity
from kith.sales.v1.opportunity_service_pb2 import (
    LoseOpportunityRequest,
    WinOpportunityRequest,
    WinOpportunityResponse,
)
from kith.sales.v1.order_pb2 import Order
from kith.sales.v1.pipeline_pb2 import STAGE_OUTCOME_LOST, STAGE_OUTCOME_WON, Pipeline, StageOutcome

from services.chassis.errors import FailedPrecondition, NotFound
from services.chassis.resources.transaction import Transaction
from services.sales.rules import opportunities, stages


def win(tx: Transaction, request: WinOpportunityRequest) -> WinOpportunityResponse:
    """Moves an opportunity to the won stage and makes an order of it; one that has its order already stays as it is."""
    opportunity = tx.get(Opportunity, request.name)
    order = _order(tx, opportunity)
    if order is not None and opportunity.state == OPPORTUNITY_STATE_WON:
        return WinOpportunityResponse(opportunity=opportunity, order=order)
    if request.etag:
        tx.get(Opportunity, request.name, etag=request.etag)  # before an order takes the next number
    order = order or tx.create(opportunities.order_of(opportunity))
    move = _move(tx, opportunity, STAGE_OUTCOME_WON)

    def won(opportunity: Opportunity) -> None:
        move(opportunity)
        opportunity.order = order.name

    response = WinOpportunityResponse(order=order)
    response.opportunity.CopyFrom(tx.update(Opportunity, request.name, won, etag=request.etag))
    return response


def lose(tx: Transaction, request: LoseOpportunityRequest) -> Opportunity:
    """Moves an opportunity to the lost stage.

    Raises:
        FailedPrecondition: it was won and has become an order.
    """
    opportunity = tx.get(Opportunity, request.name)
    if opportunity.state == OPPORTUNITY_STATE_WON and opportunity.order:
        raise FailedPrecondition(f"it was won and became {opportunity.order}", reason="OPPORTUNITY_HAS_ORDER")
    move = _move(tx, opportunity, STAGE_OUTCOME_LOST)

    def lost(opportunity: Opportunity) -> None:
        move(opportunity)
        opportunity.loss_reason = request.loss_reason

    return tx.update(Opportunity, request.name, lost, etag=request.etag)


def _order(tx: Transaction, opportunity: Opportunity) -> Order | None:
    """The order that it has become before, unless that was deleted."""
    try:
        return tx.get(Order, opportunity.order) if opportunity.order else None
    except NotFound:
        return None


def _move(tx: Transaction, opportunity: Opportunity, outcome: StageOutcome) -> Callable[[Opportunity], None]:
    """Puts an opportunity into its pipeline's stage of that outcome, unless it is in one."""
    if opportunities.is_closed_as(opportunity, outcome):
        return lambda _: None
    stage = stages.first(tx.get(Pipeline, opportunity.pipeline), outcome).display_name

    def move(opportunity: Opportunity) -> None:
        opportunity.stage = stage

    return move
