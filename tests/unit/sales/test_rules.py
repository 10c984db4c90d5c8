"""What selling knows, without a database: sums, stages, what leads become."""

from __future__ import annotations

import datetime

import pytest
from kith.sales.v1.lead_pb2 import LEAD_STATUS_DISQUALIFIED, LEAD_STATUS_NEW, LEAD_STATUS_WORKING, Lead
from kith.sales.v1.lead_service_pb2 import ConvertLeadRequest
from kith.sales.v1.line_item_pb2 import LineItem
from kith.sales.v1.opportunity_pb2 import OPPORTUNITY_STATE_LOST, OPPORTUNITY_STATE_WON, Opportunity
from kith.sales.v1.order_pb2 import ORDER_STATE_FULFILLED, ORDER_STATE_PLACED, Order
from kith.sales.v1.pipeline_pb2 import STAGE_OUTCOME_LOST, STAGE_OUTCOME_OPEN, STAGE_OUTCOME_WON, Pipeline, Stage
from kith.type.v1.money_pb2 import Money

from services.chassis.errors import FailedPrecondition, InvalidArgument
from services.chassis.resources.turns import chosen
from services.sales.conversion_plan import quoted
from services.sales.rules import conversion, dates, leads, lines, opportunities, orders, stages

NOW = datetime.datetime(2026, 11, 22, 3, 4, 5)


def euros(minor: int) -> Money:
    return Money(currency_code="EUR", amount_minor=minor)


def line(minor: int, quantity: int = 1, currency: str = "EUR") -> LineItem:
    return LineItem(quantity=quantity, unit_price=Money(currency_code=currency, amount_minor=minor))


def moved(to: str, before: Opportunity | None = None, **fields: int) -> Opportunity:
    """An opportunity that enters a stage of the standard pipeline."""
    opportunity = Opportunity()
    if before is not None:
        opportunity.CopyFrom(before)
    opportunity.stage = to
    for field, value in fields.items():
        setattr(opportunity, field, value)
    opportunities.enter_stage(opportunity, before, stages.standard())
    opportunities.complete(opportunity, before, NOW)
    return opportunity


def test_the_standard_pipeline_is_complete() -> None:
    pipeline, completed = stages.standard(), stages.standard()
    stages.complete(completed)
    assert completed == pipeline
    assert stages.first(pipeline, STAGE_OUTCOME_OPEN).display_name == "Prospecting"
    assert stages.first(pipeline, STAGE_OUTCOME_WON).display_name == "Closed Won"


def test_a_stage_without_an_outcome_is_open_and_closed_ones_are_certain() -> None:
    pipeline = Pipeline(
        stages=[
            Stage(display_name=" Talk ", probability_percent=5),
            Stage(display_name="Yes", outcome=STAGE_OUTCOME_WON, probability_percent=5),
            Stage(display_name="No", outcome=STAGE_OUTCOME_LOST, probability_percent=5),
        ]
    )
    stages.complete(pipeline)
    assert [(stage.display_name, stage.probability_percent) for stage in pipeline.stages] == [
        ("Talk", 5),
        ("Yes", 100),
        ("No", 0),
    ]
    assert pipeline.stages[0].outcome == STAGE_OUTCOME_OPEN


def test_no_stages_at_all_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="exactly one must have the outcome won"):
        stages.complete(Pipeline())


def test_lines_add_up_with_discounts_and_without_prices() -> None:
    found = lines.total([line(1250, 3), line(-250), LineItem(quantity=9)], "order.lines")
    assert (found.currency_code, found.amount_minor) == ("EUR", 3500)
    assert lines.total([], "order.lines") == Money()


def test_lines_in_different_currencies_have_no_sum() -> None:
    with pytest.raises(InvalidArgument) as refused:
        lines.total([line(1), LineItem(quantity=1), line(1, currency="")], "order.lines")
    assert refused.value.violations[0].field == "order.lines[2].unit_price.currency_code"
    assert "is not set and before it was EUR" in refused.value.message


@pytest.mark.parametrize("sign", [1, -1])
def test_a_sum_beyond_64_bits_is_refused_and_the_largest_is_not(sign: int) -> None:
    largest = sign * (2**63 - 1)
    assert lines.total([line(largest)], "order.lines").amount_minor == largest
    with pytest.raises(InvalidArgument, match=r"order.lines\[1\]: makes the sum too large"):
        lines.total([line(largest), line(sign)], "order.lines")


def test_an_open_line_is_one_piece_at_the_products_price() -> None:
    items = [
        LineItem(product="products/a"),
        LineItem(product="products/a", quantity=2, unit_price=euros(5)),
        LineItem(product="products/free"),
        LineItem(description="Help"),
    ]
    lines.complete(items, {"products/a": euros(7)}.get)
    assert [(item.quantity, item.unit_price.amount_minor) for item in items] == [(1, 7), (2, 5), (1, 0), (1, 0)]
    assert not items[2].HasField("unit_price")


def test_an_opportunity_that_comes_closed_was_closed_on_its_day() -> None:
    past = Opportunity(stage="Closed Won", close_date="2021-06-05")
    opportunities.enter_stage(past, None, stages.standard())
    opportunities.complete(past, None, NOW)
    assert past.close_time.ToDatetime() == datetime.datetime(2021, 6, 5)
    ahead = Opportunity(stage="Closed Lost", close_date="2031-06-05")
    opportunities.enter_stage(ahead, None, stages.standard())
    opportunities.complete(ahead, None, NOW)
    assert ahead.close_time.ToDatetime() == NOW


def test_when_it_was_closed_stays_while_it_is_closed() -> None:
    won = moved("Closed Won")
    again = Opportunity()
    again.CopyFrom(won)
    again.ClearField("close_time")
    opportunities.complete(again, won, NOW + datetime.timedelta(days=1))
    assert again.close_time == won.close_time
    opened = moved("Qualification", won)
    assert not opened.HasField("close_time")
    assert moved("Closed Lost", opened).state == OPPORTUNITY_STATE_LOST


def test_an_update_says_won_or_lost_only_when_that_happens() -> None:
    talking, won = moved("Prospecting"), moved("Closed Won")
    lost = moved("Closed Lost", won)
    assert [opportunities.verb(won, talking), opportunities.verb(lost, won)] == ["won", "lost"]
    assert [opportunities.verb(won, won), opportunities.verb(talking, won)] == ["updated", "updated"]
    assert won.state == OPPORTUNITY_STATE_WON


def test_a_probability_that_is_given_with_the_stage_is_kept() -> None:
    talking = moved("Prospecting")
    assert talking.probability_percent == 10
    assert moved("Value Proposition", talking).probability_percent == 50
    assert moved("Value Proposition", talking, probability_percent=33).probability_percent == 33
    assert moved("Closed Won", talking, probability_percent=33).probability_percent == 100


def test_the_order_of_an_opportunity_holds_its_lines_or_one_with_everything() -> None:
    opportunity = Opportunity(
        name="opportunities/1", display_name="Deal", account="accounts/1", owner="users/1", amount=euros(9)
    )
    order = opportunities.order_of(opportunity)
    assert (order.account, order.owner, order.opportunity) == ("accounts/1", "users/1", "opportunities/1")
    assert order.lines[0] == LineItem(description="Deal", quantity=1, unit_price=euros(9))
    opportunity.lines.append(line(4))
    assert list(opportunities.order_of(opportunity).lines) == [line(4)]


def test_an_order_is_placed_today_unless_it_says_otherwise() -> None:
    order = Order(lines=[line(2, 3)])
    orders.complete(order, NOW.date())
    assert (order.state, order.order_date, order.total) == (ORDER_STATE_PLACED, "2026-11-22", euros(6))
    old = Order(state=ORDER_STATE_FULFILLED, order_date="2020-02-29", total=euros(1))
    orders.complete(old, NOW.date())
    assert (old.state, old.order_date, old.total) == (ORDER_STATE_FULFILLED, "2020-02-29", euros(1))


def test_numbers_grow_beyond_six_digits() -> None:
    assert [orders.number(1), orders.number(1_234_567)] == ["O-000001", "O-1234567"]


@pytest.mark.parametrize("text", ["2026-02-30", "2025-02-29", "0000-01-01"])
def test_a_day_that_no_calendar_has_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="no day"):
        dates.check("opportunity.close_date", text)
    dates.check("opportunity.close_date", "")
    dates.check("opportunity.close_date", "2024-02-29")


def test_only_an_open_lead_without_an_owner_waits() -> None:
    assert leads.waits(Lead(status=LEAD_STATUS_NEW))
    assert not leads.waits(Lead(status=LEAD_STATUS_WORKING, owner="users/1"))
    assert not leads.waits(Lead(status=LEAD_STATUS_DISQUALIFIED))


def test_a_new_owner_is_an_assignment_and_no_owner_is_none() -> None:
    one, two, nobody = Lead(owner="users/1"), Lead(owner="users/2"), Lead()
    assert [leads.verb(two, one), leads.verb(one, nobody)] == ["assigned", "assigned"]
    assert [leads.verb(nobody, one), leads.verb(one, one)] == ["updated", "updated"]


def test_what_a_lead_becomes_carries_all_that_is_known() -> None:
    lead = Lead(
        name="leads/1",
        given_name="Ada",
        company="Engines",
        email="ada@example.com",
        phone="+44 1",
        website="example.com",
        country="UK",
        title="Countess",
        source="Web form",
        message="Hello",
        owner="users/1",
    )
    account, contact = conversion.account_of(lead), conversion.contact_of(lead, "accounts/1")
    assert (account.display_name, account.website, account.owner) == ("Engines", "example.com", "users/1")
    assert account.billing_address.country == contact.mailing_address.country == "UK"
    assert (contact.account, contact.phone_numbers[0].value, contact.lead_source) == ("accounts/1", "+44 1", "Web form")
    opportunity = conversion.opportunity_of(lead, ConvertLeadRequest(amount=euros(3)), "accounts/1", "contacts/1")
    assert (opportunity.display_name, opportunity.amount, opportunity.lead) == ("Engines", euros(3), "leads/1")
    assert not conversion.opportunity_of(lead, ConvertLeadRequest(), "", "").HasField("amount")
    lead.company = ""
    assert conversion.opportunity_of(lead, ConvertLeadRequest(), "", "").display_name == "Ada"


def test_a_lead_without_a_person_can_be_converted_to_a_given_contact() -> None:
    conversion.check(Lead(company="Engines"), ConvertLeadRequest(contact="contacts/1"))
    with pytest.raises(FailedPrecondition):
        conversion.check(Lead(company="Engines"), ConvertLeadRequest())


def test_turns_go_round_in_the_order_of_names() -> None:
    assert [chosen(["b", "a", "c"], turn) for turn in range(1, 6)] == ["a", "b", "c", "a", "b"]
    assert chosen(["a"], 7) == "a"


def test_nothing_in_a_quoted_text_has_a_meaning() -> None:
    assert quoted('5" \\ *') == '"5\\" \\\\ \\*"'
