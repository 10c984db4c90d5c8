"""One customer's story from end to end: every process, server and hop is real."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest

from cli.local.platform import Platform
from tests.flow.api import Api, Json, eventually
from tests.flow.story import Story
from tests.flow.stream import EventStream

EXPECTED = [
    ("lead", "created"),
    ("lead", "assigned"),
    ("account", "created"),
    ("contact", "created"),
    ("opportunity", "created"),
    ("lead", "converted"),
    ("opportunity", "won"),
    ("order", "created"),
    ("case", "created"),
    ("case", "assigned"),
    ("message", "created"),
    ("case", "answered"),
    ("case", "resolved"),
]


@pytest.fixture(scope="module")
def told(platform: Platform) -> Iterator[tuple[Story, EventStream]]:
    """The story after its last step, and what a listener saw of it."""
    credentials = platform.credentials
    api = Api(platform.addresses.gateway, credentials.api_key)
    with EventStream(platform.addresses.gateway, credentials.api_key) as stream:
        story = Story(api, platform.addresses.mailbox)
        for step in story.steps():
            step()
        yield story, stream


def test_the_timeline_shows_all_of_it_in_order(told: tuple[Story, EventStream]) -> None:
    story, _ = told
    entries = story.timeline()
    happened = [(entry["kind"], entry["verb"]) for entry in entries if entry["kind"] not in _TOLD_TO_US]
    # Within one transaction things happen at the same moment: their order among each other says nothing.
    assert Counter(happened) == Counter(EXPECTED)
    first = {what: happened.index(what) for what in EXPECTED}
    assert _in_order(first, ("lead", "created"), ("lead", "assigned"), ("account", "created"), ("opportunity", "won"))
    assert _in_order(first, ("opportunity", "won"), ("case", "created"), ("case", "assigned"), ("case", "answered"))
    assert happened[-1] == ("case", "resolved")
    assert all(entry["title"] and len(entry["traceId"]) == 32 for entry in entries)


def test_a_listener_saw_each_change_within_a_second(told: tuple[Story, EventStream]) -> None:
    story, stream = told
    delays: list[float] = []
    for record in story.records():
        committed = [change["id"] for change in reversed(story.changes(record))]
        seen = stream.until(record, set(committed), seconds=story.patience_seconds)
        assert [one.id for one in seen] == committed
        delays += [one.delay_seconds for one in seen]
    # It takes about 0.1 s. A machine whose cores are busy with other tests may hold up one or the other.
    assert statistics.median(delays) < 1.0
    assert max(delays) < 5.0


def test_each_consumer_handled_each_event_once(told: tuple[Story, EventStream]) -> None:
    story, _ = told
    assert_each_event_had_one_effect(story)


def test_history_and_errors_carry_the_trace_of_the_request(told: tuple[Story, EventStream]) -> None:
    story, _ = told
    assert all(len(change["traceId"]) == 32 for change in story.changes(story.case["name"]))


def assert_each_event_had_one_effect(story: Story) -> None:
    """No event of the story is missing on the timeline or stands there twice, and nobody was told anything twice."""
    entries = story.timeline()
    assert max(Counter(entry["event"] for entry in entries).values()) == 1
    for record in story.records():
        changes = {change["id"] for change in story.changes(record)}
        shown = {entry["event"] for entry in entries if entry["record"] == record}
        assert shown == changes, f"the timeline of {record}"
    notifications = [_about(story, record) for record in (story.lead["name"], story.case["name"], story.opportunity)]
    for told_about in notifications:
        assert max(Counter(one["eventId"] for one in told_about).values(), default=1) == 1
    _each_was_delivered_once(story, [one for told_about in notifications for one in told_about])


def _each_was_delivered_once(story: Story, notifications: list[Json]) -> None:
    assert len(notifications) >= 3
    for notification in notifications:
        assert [delivery["state"] for delivery in _ended(story, notification["name"])] == ["DELIVERY_STATE_SENT"]


def _ended(story: Story, notification: str) -> list[Json]:
    ask = partial(_deliveries, story, notification)
    return eventually(ask, seconds=story.patience_seconds, what=f"the delivery of {notification}")


def _deliveries(story: Story, notification: str) -> list[Json] | None:
    found = list(story.api.all("deliveries", filter=f'notification = "{notification}"'))
    return found if found and all(one["state"] != "DELIVERY_STATE_PENDING" for one in found) else None


def _about(story: Story, record: str) -> list[Json]:
    return list(story.api.all("notifications", filter=f'record = "{record}"'))


def _in_order(first: dict[tuple[str, str], int], *steps: tuple[str, str]) -> bool:
    positions = [first[step] for step in steps]
    return positions == sorted(positions)


_TOLD_TO_US = frozenset({"notification", "delivery"})
