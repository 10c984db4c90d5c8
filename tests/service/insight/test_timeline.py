"""The timeline as it is asked for: pages, filters, tenants, and the engine's own lists and searches."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from kith.contact.v1.account_pb2 import Account
from kith.identity.v1.role_pb2 import Role
from kith.identity.v1.user_pb2 import User
from kith.insight.v1.timeline_entry_pb2 import TimelineEntry
from kith.insight.v1.timeline_entry_service_pb2 import ListTimelineEntriesRequest
from kith.sales.v1.opportunity_pb2 import Opportunity

from services.chassis.errors import InvalidArgument
from services.chassis.resources.store import Store
from services.insight.kinds import UnknownKind
from services.insight.records import ENTRIES
from tests.service.insight.conftest import PREFIX, Observer
from tests.service.insight.happenings import Happenings


def _account(observer: Observer, updates: int = 0) -> Any:
    account = observer.world.create(Account(display_name="Navy"))
    for number in range(updates):
        observer.world.update(account.name, Account, industry=f"Industry {number}")
    observer.hear(*observer.world.events)
    return account


def test_an_entry_says_who_did_what_when_and_in_which_trace(observer: Observer) -> None:
    account = _account(observer)
    (entry,) = observer.page(account.name).timeline_entries
    event = observer.world.last
    assert entry.name == f"timelineEntries/{event.id}"
    assert (entry.event, entry.record, entry.kind, entry.verb) == (event.id, account.name, "account", "created")
    assert (entry.actor, entry.record_version, entry.trace_id) == ("users/somebody", 1, "a" * 32)
    assert entry.event_time.ToMilliseconds() == round(event.time.timestamp() * 1000)
    assert list(entry.subjects) == [account.name]


def test_pages_follow_each_other_without_gap_or_repetition_also_when_new_things_happen(observer: Observer) -> None:
    account = _account(observer, updates=9)
    everything = [entry.name for entry in observer.page(account.name).timeline_entries]
    assert len(everything) == 10
    read: list[str] = []
    token = ""
    while True:
        page = observer.page(account.name, page_size=3, page_token=token)
        read += [entry.name for entry in page.timeline_entries]
        observer.world.update(account.name, Account, industry=f"Later {len(read)}")
        observer.hear(observer.world.last)
        token = page.next_page_token
        if not token:
            break
    assert read == everything


def test_a_token_of_another_timeline_or_filter_is_refused(observer: Observer) -> None:
    account = _account(observer, updates=3)
    token = observer.page(account.name, page_size=1).next_page_token
    for other in ({"subject": "accounts/other"}, {"subject": account.name, "filter": 'verb = "won"'}):
        with pytest.raises(InvalidArgument) as refused:
            observer.page(other["subject"], page_size=1, page_token=token, filter=other.get("filter", ""))
        assert refused.value.violations[0].field == "page_token"


def test_a_timeline_can_be_filtered(observer: Observer) -> None:
    account = observer.world.create(Account(display_name="Navy"))
    deal = observer.world.create(Opportunity(display_name="Ships", account=account.name))
    observer.world.update(deal.name, Opportunity, verb="won", stage="Won")
    observer.hear(*observer.world.events)
    assert observer.titles(account.name, filter='kind = "opportunity" AND verb = "won"') == [
        "Opportunity “Ships” was won"
    ]
    with pytest.raises(InvalidArgument):
        observer.page(account.name, filter="nonsense = 1")


@pytest.mark.parametrize("subject", ["accounts/", "cases/k", "accounts", "Accounts/A", "accounts/a/b", "x" * 200])
def test_what_is_no_customer_has_no_timeline(observer: Observer, subject: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        observer.page(subject)
    assert refused.value.violations[0].field == "subject"


def test_a_customer_nobody_ever_heard_of_has_an_empty_one(observer: Observer) -> None:
    assert observer.titles("accounts/nobody") == []


def test_tenants_see_their_own(observer: Observer) -> None:
    account = _account(observer)
    world = Happenings(observer.store.client, f"{PREFIX}world_", "another")
    other = dataclasses.replace(observer, world=world)
    assert other.titles(account.name) == []


def test_entries_are_listed_like_any_record(observer: Observer, insight_store: Store) -> None:
    observer.world.create(Account(display_name="Søfartsstyrelsen"))
    observer.hear(observer.world.last)
    request = ListTimelineEntriesRequest(filter='kind = "account"')
    found, _ = insight_store.list(TimelineEntry, observer.world.tenant, request)
    assert [entry.title for entry in found] == ["Account “Søfartsstyrelsen” was created"]
    assert insight_store.get(TimelineEntry, observer.world.tenant, found[0].name) == found[0]


def test_what_concerns_no_customer_leaves_nothing_to_see(observer: Observer) -> None:
    role = observer.world.create(Role(display_name="Admin", key="admin"))
    observer.world.create(User(display_name="Ada", email="a@example.org", roles=[role.name]))
    observer.world.create(Opportunity(display_name="Nobody's"))
    observer.hear(*observer.world.events)
    assert observer.entries() == []
    assert observer.waiting() == 1


def test_an_event_of_a_newer_version_waits_until_it_is_known(observer: Observer) -> None:
    _account(observer)
    with pytest.raises(UnknownKind):
        observer.hear(dataclasses.replace(observer.world.last, id="new", kind="spaceship"))


def test_a_timeline_is_read_from_its_index_without_a_sort(observer: Observer, insight_store: Store) -> None:
    account = _account(observer, updates=5)
    found = insight_store.database[ENTRIES].find(
        {"tenant": observer.world.tenant, "subjects": account.name}, sort=[("event_time", -1), ("_id", -1)]
    )
    plan = str(found.hint("timeline").explain()["queryPlanner"]["winningPlan"])
    assert "'SORT'" not in plan
    assert "timeline" in plan
