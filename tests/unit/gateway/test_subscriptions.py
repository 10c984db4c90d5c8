"""What waits for one client of the stream: kept in order, bounded, and ended when it must be."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import deque

import pytest

from gateway import subscriptions
from gateway.replay import _before, _merged
from gateway.subscriptions import Cut, Event, NoEvent, Subscription, event_of


def test_an_event_becomes_a_server_sent_event_on_one_line() -> None:
    content = {"id": "1", "tenant": "acme", "type": "kith.sales.v1.lead.converted", "data": {"a": "x\ny"}}
    event = event_of(json.dumps(content, indent=2).encode())
    assert (event.id, event.tenant, event.kind) == ("1", "acme", "lead")
    lines = event.frame.decode().split("\n")
    assert lines[:2] == ["id: 1", "event: lead.converted"]
    assert json.loads(lines[2].removeprefix("data: ")) == content
    assert lines[3:] == ["", ""]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'{"id": 1, "tenant": "a", "type": "x"}', b"\xff"])
def test_what_is_no_event_is_told_apart(body: bytes) -> None:
    with pytest.raises(NoEvent):
        event_of(body)


def test_events_wait_in_order_and_only_those_that_are_wanted() -> None:
    async def run() -> list[str]:
        subscription = Subscription("acme", {"lead"}.__contains__)
        for number, kind in enumerate(("lead", "contact", "lead")):
            subscription.offer(Event(str(number), "acme", kind, b""))
        return [event.id for event in await subscription.take(1)]

    assert asyncio.run(run()) == ["0", "2"]


def test_silence_is_an_empty_part() -> None:
    assert asyncio.run(Subscription("acme", bool).take(0.01)) == []


def test_a_client_that_falls_too_far_behind_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MOST_WAITING", 3)

    async def run() -> None:
        subscription = Subscription("acme", bool)
        for number in range(4):
            subscription.offer(Event(str(number), "acme", "lead", b""))
        await subscription.take(1)

    with pytest.raises(Cut):
        asyncio.run(run())


def test_a_replay_begins_five_seconds_before_an_id() -> None:
    moment = 1_790_000_000_000
    given = uuid.UUID(int=moment << 80 | 7 << 76 | 2 << 62 | 12345)
    begin = uuid.UUID(_before(given))
    assert begin.int >> 80 == moment - 5_000
    assert begin.version == 7


def test_logs_are_merged_only_as_far_as_it_is_sure() -> None:
    class Source:
        def __init__(self, ids: str, ended: bool) -> None:
            self.events = deque(Event(one, "acme", "lead", b"") for one in ids)
            self.ended = ended

    sources = [Source("adg", ended=True), Source("bc", ended=False)]
    assert "".join(event.id for event in _merged(sources)) == "abc"  # type: ignore[arg-type]  # as far as it is needed
    assert [len(source.events) for source in sources] == [2, 0]
