"""Pipelines, opportunities and orders over a real database."""

from __future__ import annotations

import csv
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from kith.identity.v1.tenant_pb2 import Tenant as TenantRecord
from kith.sales.v1 import (
    opportunity_service_pb2,
    order_service_pb2,
    pipeline_service_pb2,
    product_service_pb2,
)
from kith.sales.v1.opportunity_pb2 import (
    OPPORTUNITY_STATE_LOST,
    OPPORTUNITY_STATE_OPEN,
    OPPORTUNITY_STATE_WON,
    Opportunity,
)
from kith.sales.v1.order_pb2 import ORDER_STATE_PLACED, Order
from kith.sales.v1.pipeline_pb2 import STAGE_OUTCOME_LOST, STAGE_OUTCOME_WON, Pipeline
from kith.sales.v1.product_pb2 import Product

from services.chassis import errors
from services.chassis.resources.changes import Author
from services.sales.pipelines import DEFAULT
from services.sales.worker import HANDLERS
from tests.service.world import Tenant

OPPORTUNITIES = "kith.sales.v1.OpportunityService/"
PIPELINES = "kith.sales.v1.PipelineService/"
ORDERS = "kith.sales.v1.OrderService/"
STAGES = [
    {"display_name": "Talk"},
    {"display_name": "Yes", "outcome": STAGE_OUTCOME_WON},
    {"display_name": "No", "outcome": STAGE_OUTCOME_LOST, "probability_percent": 7},
]


def create(tenant: Tenant, **fields: Any) -> Opportunity:
    request = opportunity_service_pb2.CreateOpportunityRequest(opportunity={"display_name": "Deal", **fields})
    made: Opportunity = tenant.call(OPPORTUNITIES + "CreateOpportunity", request)
    return made


def update(tenant: Tenant, opportunity: Opportunity, **fields: Any) -> Opportunity:
    request = opportunity_service_pb2.UpdateOpportunityRequest(
        opportunity={"name": opportunity.name, **fields}, update_mask={"paths": list(fields)}
    )
    changed: Opportunity = tenant.call(OPPORTUNITIES + "UpdateOpportunity", request)
    return changed


def win(tenant: Tenant, opportunity: Opportunity, **more: Any) -> opportunity_service_pb2.WinOpportunityResponse:
    request = opportunity_service_pb2.WinOpportunityRequest(name=opportunity.name, **more)
    answer: opportunity_service_pb2.WinOpportunityResponse = tenant.call(OPPORTUNITIES + "WinOpportunity", request)
    return answer


def lose(tenant: Tenant, opportunity: Opportunity, reason: str = "Price") -> Opportunity:
    request = opportunity_service_pb2.LoseOpportunityRequest(name=opportunity.name, loss_reason=reason)
    lost: Opportunity = tenant.call(OPPORTUNITIES + "LoseOpportunity", request)
    return lost


def pipeline(tenant: Tenant, **fields: Any) -> Pipeline:
    request = pipeline_service_pb2.CreatePipelineRequest(
        pipeline={"display_name": "Renewals", "stages": STAGES, **fields}
    )
    made: Pipeline = tenant.call(PIPELINES + "CreatePipeline", request)
    return made


def pipelines(tenant: Tenant) -> list[Pipeline]:
    found = tenant.call(PIPELINES + "ListPipelines", pipeline_service_pb2.ListPipelinesRequest()).pipelines
    return list(found)


def euros(minor: int) -> dict[str, Any]:
    return {"currency_code": "EUR", "amount_minor": minor}


def test_the_first_opportunity_finds_a_pipeline_before_anybody_made_one(tenant: Tenant) -> None:
    opportunity = create(tenant)
    assert (opportunity.stage, opportunity.state, opportunity.probability_percent) == (
        "Prospecting",
        OPPORTUNITY_STATE_OPEN,
        10,
    )
    [made] = pipelines(tenant)
    assert (opportunity.pipeline, made.default) == (made.name, True)
    assert not opportunity.HasField("close_time")


def test_a_new_tenant_gets_the_same_pipeline_whoever_is_first(tenant: Tenant) -> None:
    author = Author(tenant.name, "services/identity")
    tenant.world.identity.write(author, lambda tx: tx.create(TenantRecord(display_name="T", slug=f"t{tenant.name}")))
    created = tenant.changes("identity", kind="tenant")
    tenant.deliver("sales", HANDLERS, created)
    [first] = pipelines(tenant)
    assert first.name == f"pipelines/{DEFAULT.identifier(tenant.name)}"
    assert create(tenant).pipeline == first.name
    other = tenant.world.tenant()
    made = create(other).pipeline
    other.world.identity.write(
        Author(other.name, "services/identity"),
        lambda tx: tx.create(TenantRecord(display_name="T", slug=f"t{other.name}")),
    )
    other.deliver("sales", HANDLERS, other.changes("identity", kind="tenant"))
    assert [found.name for found in pipelines(other)] == [made]


def test_many_first_opportunities_at_once_agree_on_one_pipeline(tenant: Tenant) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: create(tenant).pipeline, range(8)))
    assert len(set(made)) == 1
    assert len(pipelines(tenant)) == 1


def test_exactly_one_pipeline_is_the_default(tenant: Tenant) -> None:
    first = pipeline(tenant)
    second = pipeline(tenant, default=True)
    assert first.default
    assert [(found.name, found.default) for found in pipelines(tenant)] == [(first.name, False), (second.name, True)]
    request = pipeline_service_pb2.UpdatePipelineRequest(
        pipeline={"name": second.name, "default": False}, update_mask={"paths": ["default"]}
    )
    with pytest.raises(errors.InvalidArgument, match="make another pipeline the default"):
        tenant.call(PIPELINES + "UpdatePipeline", request)
    request.pipeline.name, request.pipeline.default = first.name, True
    assert tenant.call(PIPELINES + "UpdatePipeline", request).default
    assert [found.default for found in pipelines(tenant)] == [True, False]
    assert create(tenant).pipeline == first.name


def test_a_pipeline_that_is_needed_is_not_deleted(tenant: Tenant) -> None:
    default, other = pipeline(tenant), pipeline(tenant)
    opportunity = create(tenant, pipeline=other.name)
    for name, why in ((default.name, "default"), (other.name, "opportunities are in")):
        with pytest.raises(errors.FailedPrecondition, match=why):
            tenant.call(PIPELINES + "DeletePipeline", pipeline_service_pb2.DeletePipelineRequest(name=name))
    update(tenant, opportunity, pipeline=default.name, stage="Talk")
    gone = tenant.call(PIPELINES + "DeletePipeline", pipeline_service_pb2.DeletePipelineRequest(name=other.name))
    assert gone.HasField("delete_time")


def test_stages_say_what_is_wrong_with_them(tenant: Tenant) -> None:
    for stages, why in (
        ([*STAGES, {"display_name": "talk "}], r"pipeline.stages\[3\].display_name: another stage"),
        (STAGES[:2], "exactly one must have the outcome lost, not 0"),
        ([*STAGES, {"display_name": "Yes!", "outcome": STAGE_OUTCOME_WON}], "outcome won, not 2"),
        (STAGES[1:], "at least one must be open"),
    ):
        with pytest.raises(errors.InvalidArgument, match=why):
            pipeline(tenant, stages=stages)
    made = pipeline(tenant)
    assert [stage.probability_percent for stage in made.stages] == [0, 100, 0]


def test_a_stage_must_be_of_the_pipeline(tenant: Tenant) -> None:
    with pytest.raises(errors.InvalidArgument, match=r"'Dreaming' is no stage.*Prospecting, Qualification"):
        create(tenant, stage="Dreaming")
    opportunity = create(tenant)
    with pytest.raises(errors.InvalidArgument, match="no stage of the pipeline Renewals; its stages are Talk, Yes, No"):
        update(tenant, opportunity, pipeline=pipeline(tenant).name)


def test_an_opportunity_survives_that_its_stage_is_renamed(tenant: Tenant) -> None:
    made = pipeline(tenant)
    opportunity = create(tenant, pipeline=made.name)
    made.stages[0].display_name = "Chat"
    request = pipeline_service_pb2.UpdatePipelineRequest(pipeline=made, update_mask={"paths": ["stages"]})
    tenant.call(PIPELINES + "UpdatePipeline", request)
    assert update(tenant, opportunity, next_step="Call").stage == "Talk"
    assert update(tenant, opportunity, stage="Chat").stage == "Chat"


def test_state_and_probability_follow_the_stage_on_every_path(tenant: Tenant) -> None:
    opportunity = create(tenant, stage="Needs Analysis", probability_percent=40)
    assert opportunity.probability_percent == 40
    assert update(tenant, opportunity, stage="Value Proposition").probability_percent == 50
    assert update(tenant, opportunity, stage="Perception Analysis", probability_percent=66).probability_percent == 66
    won = update(tenant, opportunity, stage="Closed Won")
    assert (won.state, won.probability_percent, won.HasField("close_time")) == (OPPORTUNITY_STATE_WON, 100, True)
    assert update(tenant, opportunity, probability_percent=5).probability_percent == 100
    again = update(tenant, opportunity, stage="Prospecting")
    assert (again.state, again.HasField("close_time")) == (OPPORTUNITY_STATE_OPEN, False)
    lost = update(tenant, opportunity, stage="Closed Lost")
    assert (lost.state, lost.probability_percent) == (OPPORTUNITY_STATE_LOST, 0)
    verbs = tenant.verbs(opportunity.name, "sales")
    assert verbs == ["created", "updated", "updated", "won", "updated", "lost"]


def test_the_amount_is_the_sum_of_the_lines_at_the_products_prices(tenant: Tenant) -> None:
    product = tenant.call(
        "kith.sales.v1.ProductService/CreateProduct",
        product_service_pb2.CreateProductRequest(product=Product(display_name="Lamp", unit_price=euros(1250))),
    )
    lines = [{"product": product.name, "quantity": 3}, {"description": "Help", "unit_price": euros(100)}]
    opportunity = create(tenant, lines=lines, amount=euros(1))
    assert (opportunity.amount.currency_code, opportunity.amount.amount_minor) == ("EUR", 3850)
    assert [(line.quantity, line.unit_price.amount_minor) for line in opportunity.lines] == [(3, 1250), (1, 100)]
    with pytest.raises(errors.InvalidArgument, match=r"lines\[1\].unit_price.currency_code: is USD and before.*EUR"):
        update(
            tenant,
            opportunity,
            lines=[{"unit_price": euros(1)}, {"unit_price": {"currency_code": "USD", "amount_minor": 1}}],
        )
    with pytest.raises(errors.InvalidArgument, match="too large"):
        update(tenant, opportunity, lines=[{"quantity": 1_000_000_000, "unit_price": euros(2**62)}])
    with pytest.raises(errors.InvalidArgument, match="no day of the calendar"):
        update(tenant, opportunity, close_date="2027-02-30")
    assert update(tenant, opportunity, lines=[]).amount.amount_minor == 3850


def test_winning_makes_one_order_of_the_lines(tenant: Tenant) -> None:
    opportunity = create(tenant, lines=[{"quantity": 2, "unit_price": euros(500)}])
    answer = win(tenant, opportunity, request_id="w", etag=opportunity.etag)
    order = answer.order
    assert (answer.opportunity.state, answer.opportunity.order) == (OPPORTUNITY_STATE_WON, order.name)
    assert (order.opportunity, order.total.amount_minor, order.state) == (opportunity.name, 1000, ORDER_STATE_PLACED)
    assert order.order_number == "O-000001"
    assert order.order_date == time.strftime("%Y-%m-%d", time.gmtime())
    assert win(tenant, opportunity, request_id="w", etag=opportunity.etag) == answer
    assert win(tenant, opportunity) == answer
    assert tenant.verbs(opportunity.name, "sales") == ["created", "won"]
    with pytest.raises(errors.FailedPrecondition, match="became orders/"):
        lose(tenant, opportunity)


def test_winning_without_lines_orders_the_whole_amount(tenant: Tenant) -> None:
    by_hand = create(tenant, amount=euros(99), stage="Closed Won")
    order = win(tenant, by_hand).order
    assert (order.total.amount_minor, order.lines[0].description) == (99, "Deal")
    nothing = win(tenant, create(tenant)).order
    assert (nothing.total.amount_minor, nothing.order_number) == (0, "O-000002")


def test_won_by_several_at_once_it_becomes_one_order(tenant: Tenant) -> None:
    opportunity = create(tenant, amount=euros(5))
    with ThreadPoolExecutor(6) as threads:
        orders = {answer.order.name for answer in threads.map(lambda _: win(tenant, opportunity), range(6))}
    listed = tenant.call(ORDERS + "ListOrders", order_service_pb2.ListOrdersRequest()).orders
    assert {order.name for order in listed} == orders
    assert len(orders) == 1


def test_losing_says_why_and_can_be_repeated(tenant: Tenant) -> None:
    opportunity = create(tenant)
    lost = lose(tenant, opportunity)
    assert (lost.state, lost.stage, lost.loss_reason) == (OPPORTUNITY_STATE_LOST, "Closed Lost", "Price")
    assert lose(tenant, opportunity) == lost
    assert tenant.verbs(opportunity.name, "sales") == ["created", "lost"]
    assert win(tenant, opportunity).opportunity.state == OPPORTUNITY_STATE_WON


def test_orders_at_once_have_different_numbers_and_tenants_count_alone(tenant: Tenant) -> None:
    request = order_service_pb2.CreateOrderRequest(order=Order(order_date="2026-01-31"))
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: tenant.call(ORDERS + "CreateOrder", request), range(40)))
    assert len({order.order_number for order in made}) == 40
    other = tenant.world.tenant()
    assert other.call(ORDERS + "CreateOrder", request).order_number == "O-000001"
    with pytest.raises(errors.InvalidArgument, match="no day of the calendar"):
        tenant.call(ORDERS + "CreateOrder", order_service_pb2.CreateOrderRequest(order=Order(order_date="2026-02-31")))


def test_an_export_of_774_opportunities_fits_as_it_is_and_soon(tenant: Tenant) -> None:
    rows = exported()
    requests = [
        opportunity_service_pb2.CreateOpportunityRequest(
            opportunity=Opportunity(
                display_name=row["Name"],
                stage=row["StageName"],
                probability_percent=int(row["Probability"]),
                amount={"currency_code": "JPY", "amount_minor": int(float(row["Amount"] or 0))},
                close_date=row["CloseDate"],
                external_id=row["Id"],
            )
        )
        for row in rows
    ]
    began = time.monotonic()
    made: list[Opportunity] = []
    for start in range(0, len(requests), 500):
        batch = opportunity_service_pb2.BatchCreateOpportunitiesRequest(requests=requests[start : start + 500])
        made += tenant.call(OPPORTUNITIES + "BatchCreateOpportunities", batch).opportunities
    seconds = time.monotonic() - began
    states = {"1": OPPORTUNITY_STATE_WON, "": OPPORTUNITY_STATE_OPEN}
    for row, opportunity in zip(rows, made, strict=True):
        expected = OPPORTUNITY_STATE_LOST if row["StageName"] == "Closed Lost" else states[row["IsWon"]]
        assert (opportunity.stage, opportunity.state) == (row["StageName"], expected)
        assert opportunity.probability_percent == int(row["Probability"])
        assert opportunity.HasField("close_time") == (row["IsClosed"] == "1")
    assert seconds < 774 * 0.004, f"{seconds / 774 * 1000:.2f} ms each"


def exported() -> list[dict[str, str]]:
    """The export's opportunities, or as many with its stages where the data is not at hand."""
    path = Path(__file__).parents[3].parent / "shared/data/salesforce-export-opps/Opportunity.csv"
    if path.exists():
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    stages = {"Prospecting": "10", "Value Proposition": "50", "Closed Won": "100", "Closed Lost": "0"}
    return [
        {
            "Id": f"006{number:015}",
            "Name": f"Deal {number}",
            "StageName": stage,
            "Probability": stages[stage],
            "Amount": "1000.0",
            "CloseDate": "2021-06-05",
            "IsWon": "1" if stage == "Closed Won" else "",
            "IsClosed": "1" if stage.startswith("Closed") else "",
        }
        for number, stage in ((number, list(stages)[number % 4]) for number in range(774))
    ]
