"""From events to notifications and planned deliveries."""

from __future__ import annotations

import pytest
from kith.cases.v1.case_pb2 import Case
from kith.identity.v1.user_pb2 import User, UserState
from kith.notification.v1.delivery_pb2 import DeliveryState
from kith.notification.v1.template_pb2 import Channel, Template
from kith.sales.v1.lead_pb2 import Lead
from kith.sales.v1.opportunity_pb2 import Opportunity

from services.chassis.errors import InvalidArgument
from services.chassis.resources.changes import Author
from services.notification.recipients import NotYet
from tests.service.insight.happenings import replayed
from tests.service.notification.conftest import Desk


def _template(desk: Desk, **fields: object) -> Template:
    values = {"event": "lead.assigned", "channel": Channel.CHANNEL_EMAIL, "active": True, **fields}
    author = Author(desk.world.tenant, "users/admin")
    return desk.store.transact(author, lambda tx: tx.create(Template(**values)))  # type: ignore[arg-type]


def test_the_new_owner_of_a_lead_is_notified_and_a_mail_is_planned(desk: Desk) -> None:
    user = desk.user()
    lead = desk.world.create(Lead(given_name="Grace", family_name="Hopper", company="Navy"))
    desk.hear(desk.world.last)
    assert desk.notifications() == []
    desk.world.update(lead.name, Lead, verb="assigned", owner=user.name)
    desk.hear(desk.world.last)
    (notification,) = desk.notifications()
    assert notification.recipient == user.name
    assert notification.subject == "New lead for you: Grace Hopper of Navy"
    assert notification.body.startswith("Hello Ada Løve,")
    assert (notification.record, notification.event_type) == (lead.name, "lead.assigned")
    (delivery,) = desk.delivered()
    assert delivery.state == DeliveryState.DELIVERY_STATE_PENDING
    assert (delivery.address, delivery.notification) == ("ada@example.org", notification.name)


def test_a_lead_that_comes_with_its_owner_a_won_opportunity_and_cases_are_told_too(desk: Desk) -> None:
    user = desk.user()
    desk.world.create(Lead(family_name="Hopper", owner=user.name))
    opportunity = desk.world.create(Opportunity(display_name="Renewal", owner=user.name))
    desk.world.update(opportunity.name, Opportunity, verb="won", stage="Won")
    case = desk.world.create(Case(case_number="C-1", subject="Broken"))
    desk.world.update(case.name, Case, verb="assigned", assignee=user.name)
    desk.world.update(case.name, Case, verb="resolved", resolution="Mended")
    desk.hear(*[event for event in desk.world.events if event.kind != "user"])
    subjects = [found.subject for found in desk.notifications()]
    assert sorted(subjects) == [
        "Case for you: C-1 “Broken”",
        "New lead for you: Hopper",
        "Resolved: C-1 “Broken”",
        "Won: Renewal",
    ]


def test_an_event_that_comes_twice_or_is_replayed_notifies_once(desk: Desk) -> None:
    user = desk.user()
    desk.world.create(Lead(family_name="Hopper", owner=user.name))
    event = desk.world.last
    desk.hear(event, event, replayed(event))
    assert len(desk.notifications()) == len(desk.delivered()) == 1


def test_an_event_before_its_users_own_is_to_come_again(desk: Desk) -> None:
    user = desk.world.create(User(display_name="Ada", email="ada@example.org"))
    known = desk.world.last
    desk.world.create(Lead(family_name="Hopper", owner=user.name))
    with pytest.raises(NotYet):
        desk.hear(desk.world.last)
    desk.hear(known, desk.world.last)
    assert len(desk.notifications()) == 1


def test_whoever_left_is_told_nothing(desk: Desk) -> None:
    left, gone = desk.user(), desk.user(email="gone@example.org")
    desk.world.update(left.name, User, state=UserState.USER_STATE_DEACTIVATED)
    desk.hear(desk.world.last)
    desk.world.delete(gone.name, User)
    desk.hear(desk.world.last)
    for user in (left, gone):
        desk.world.create(Lead(family_name="Hopper", owner=user.name))
        desk.hear(desk.world.last)
    assert desk.notifications() == []


def test_an_older_event_of_a_user_changes_nothing(desk: Desk) -> None:
    user = desk.world.create(User(display_name="Ada", email="old@example.org"))
    first = desk.world.last
    desk.world.update(user.name, User, email="new@example.org")
    desk.hear(desk.world.last, first)
    desk.world.create(Lead(family_name="Hopper", owner=user.name))
    desk.hear(desk.world.last)
    assert desk.delivered()[0].address == "new@example.org"


def test_the_tenants_template_in_the_recipients_language_speaks(desk: Desk) -> None:
    user = desk.user(locale="da-DK")
    _template(desk, subject="New: {{ record.familyName }}", body="x")
    _template(desk, subject="Nyt: {{ record.familyName }}", body="{{ event.name }} {{ recipient.email }}", locale="da")
    _template(desk, subject="Neu", body="x", locale="de")
    _template(desk, subject="Inaktiv", body="x", locale="da-DK", active=False)
    lead = desk.world.create(Lead(family_name="Hopper"))
    desk.world.update(lead.name, Lead, verb="assigned", owner=user.name)
    desk.hear(desk.world.last)
    (notification,) = desk.notifications()
    assert (notification.subject, notification.body) == ("Nyt: Hopper", "lead.assigned ada@example.org")


def test_a_poisonous_template_does_not_keep_the_notice_back(desk: Desk) -> None:
    user = desk.user()
    poison = "{% if record.familyName %}{% for i in (1..1000000000) %}x{% endfor %}{% endif %}"
    _template(desk, subject="fine", body=poison)
    lead = desk.world.create(Lead(family_name="Hopper"))
    desk.world.update(lead.name, Lead, verb="assigned", owner=user.name)
    desk.hear(desk.world.last)
    assert desk.notifications()[0].subject == "New lead for you: Hopper"


def test_a_wrong_template_is_refused_with_line_and_known_events(desk: Desk) -> None:
    with pytest.raises(InvalidArgument) as refused:
        _template(desk, event="lead.sneezed", subject="{{ x", body="one\n{% include 'secrets' %}")
    told = {violation.field: violation.description for violation in refused.value.violations}
    assert "lead.assigned" in told["template.event"]
    assert told["template.subject"].startswith("line 1: ")
    assert told["template.body"].startswith("line 2: ")


def test_tenants_do_not_meet(desk: Desk, make_desk: object) -> None:
    assert callable(make_desk)
    other: Desk = make_desk()
    user = desk.user()
    other.world.create(Lead(family_name="Hopper", owner=user.name))
    with pytest.raises(NotYet):
        other.hear(other.world.last)
    assert desk.notifications() == other.notifications() == []
