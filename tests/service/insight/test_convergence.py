"""Whatever the order in which events come, and however many at a time: the same timelines."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kith.cases.v1.case_pb2 import Case
from kith.cases.v1.message_pb2 import Message
from kith.contact.v1.account_pb2 import Account
from kith.contact.v1.contact_pb2 import Contact
from kith.identity.v1.user_pb2 import User
from kith.notification.v1.delivery_pb2 import Delivery
from kith.notification.v1.notification_pb2 import Notification
from kith.sales.v1.lead_pb2 import Lead
from kith.sales.v1.opportunity_pb2 import Opportunity
from kith.sales.v1.order_pb2 import Order

from services.chassis.bus.events import Event
from services.chassis.errors import Aborted
from tests.service.insight.conftest import Observer
from tests.service.insight.happenings import Happenings, replayed


def tell_the_story(world: Happenings) -> tuple[str, str, str]:
    """A lead becomes a customer, buys, complains, is answered; somebody is told. Returns account, contact and lead."""
    user = world.create(User(display_name="Ada", email="ada@example.org"))
    lead = world.create(Lead(family_name="Hopper", company="Navy"))
    world.update(lead.name, Lead, verb="assigned", owner=user.name)
    notification = world.create(Notification(recipient=user.name, subject="New lead", record=lead.name))
    delivery = world.create(Delivery(notification=notification.name))
    world.update(delivery.name, Delivery, verb="sent", attempt_count=1)
    account = world.create(Account(display_name="Navy"))
    contact = world.create(Contact(display_name="Hopper", account=account.name))
    deal = world.create(Opportunity(display_name="Ships", account=account.name, contact=contact.name, lead=lead.name))
    world.update(
        lead.name,
        Lead,
        verb="converted",
        converted_account=account.name,
        converted_contact=contact.name,
        converted_opportunity=deal.name,
    )
    order = world.create(Order(order_number="O-1", account=account.name, opportunity=deal.name))
    world.update(deal.name, Opportunity, verb="won", stage="Won", order=order.name)
    complaint = world.create(Case(case_number="C-1", subject="Leaks"))
    world.create(Message(case=complaint.name, body="It leaks"))
    wrong = world.create(Account(display_name="Wrong"))
    world.update(complaint.name, Case, account=wrong.name)
    world.update(complaint.name, Case, account=account.name, contact=contact.name)
    world.create(Message(case=complaint.name, body="We are sorry"))
    world.update(complaint.name, Case, verb="answered", reason="Old ship")
    return account.name, contact.name, lead.name


def _at_once(observer: Observer, events: Sequence[Event], workers: int = 6) -> None:
    """Handles events as several workers do; one that meets too many others comes again, as the bus has it."""

    def handle(event: Event) -> None:
        for _ in range(20):
            try:
                observer.hear(event)
                return
            except Aborted:
                time.sleep(random.uniform(0.01, 0.05))
        raise AssertionError("never came through")

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(handle, events))


def test_the_story_stands_in_order_on_the_customers_timelines(observer: Observer) -> None:
    account, contact, lead = tell_the_story(observer.world)
    observer.hear(*observer.world.events)
    told = list(reversed(observer.titles(account)))
    assert told == [
        "Lead “Hopper” was created",
        "Lead “Hopper” was assigned",
        "Notification “New lead” was created",
        "Delivery was created",
        "Delivery was sent",
        "Account “Navy” was created",
        "Contact “Hopper” was created",
        "Opportunity “Ships” was created",
        "Lead “Hopper” was converted",
        "Order O-1 was created",
        "Opportunity “Ships” was won",
        "Case C-1 “Leaks” was created",
        "Message was created",
        "Case C-1 “Leaks” was updated: account changed",
        "Case C-1 “Leaks” was updated: account changed, contact changed",
        "Message was created",
        "Case C-1 “Leaks” was answered",
    ]
    assert "Account “Navy” was created" not in observer.titles(contact)
    assert "Order O-1 was created" in observer.titles(lead)
    assert observer.waiting() == 0
    assert all("User" not in entry.title for entry in observer.entries())


def test_a_case_that_was_given_to_the_wrong_customer_leaves_only_that_fact_there(observer: Observer) -> None:
    tell_the_story(observer.world)
    observer.hear(*observer.world.events)
    wrong = next(event.record for event in observer.world.events if event.data["record"].get("displayName") == "Wrong")
    assert observer.titles(wrong) == [
        "Case C-1 “Leaks” was updated: account changed",
        "Account “Wrong” was created",
    ]


def test_the_order_of_events_makes_no_difference(observer: Observer) -> None:
    tell_the_story(observer.world)
    events = observer.world.events
    observer.hear(*events)
    expected = observer.state()

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.permutations(events), st.lists(st.sampled_from(events), max_size=4))
    def converges(order: list[Event], again: list[Event]) -> None:
        observer.forget()
        observer.hear(*order, *again, *map(replayed, again))
        assert observer.state() == expected

    converges()


def test_how_many_events_are_handled_at_a_time_makes_no_difference(observer: Observer) -> None:
    tell_the_story(observer.world)
    events = observer.world.events
    observer.hear(*events)
    expected = observer.state()
    for seed in range(6):
        observer.forget()
        _at_once(observer, random.Random(seed).sample(events, len(events)))
        assert observer.state() == expected


def test_a_replay_of_everything_changes_nothing(observer: Observer) -> None:
    tell_the_story(observer.world)
    observer.hear(*observer.world.events)
    expected = observer.state()
    observer.hear(*map(replayed, reversed(observer.world.events)))
    assert observer.state() == expected


def test_very_many_messages_of_a_case_follow_it_to_its_customer(observer: Observer) -> None:
    case = observer.world.create(Case(subject="Long"))
    for number in range(30):
        observer.world.create(Message(case=case.name, body=f"{number}"))
    account = observer.world.create(Account(display_name="Navy"))
    observer.hear(*observer.world.events)
    assert observer.waiting() == 31
    observer.world.update(case.name, Case, account=account.name)
    observer.hear(observer.world.last)
    assert len(observer.titles(account.name)) == 33
    assert observer.waiting() == 0
