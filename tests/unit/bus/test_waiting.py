"""What is handled together, and what never is."""

from __future__ import annotations

import datetime

from services.chassis.bus.delivery import Delivery
from services.chassis.bus.events import Event
from services.chassis.bus.waiting import LANES, MOST_TOGETHER, Waiting


def delivery(tenant: str = "one", *, alone: bool = False) -> Delivery:
    now = datetime.datetime.now(datetime.UTC)
    event = Event("id", tenant, "type", "sales", "lead", "created", "leads/1", 1, "", now, "", {})
    return Delivery(None, event, alone=alone)


def waiting(*deliveries: Delivery, most: int = 8) -> Waiting:
    found = Waiting(most)
    for one in deliveries:
        found.add(one)
    return found


def test_one_that_finds_a_lane_free_starts_at_once_and_alone() -> None:
    first = delivery()
    assert waiting(first).take() == [first]


def test_those_of_one_tenant_come_together_in_their_order_and_leave_others_where_they_are() -> None:
    ours, theirs = [delivery("ours") for _ in range(3)], [delivery("theirs") for _ in range(2)]
    found = waiting(ours[0], theirs[0], ours[1], theirs[1], ours[2])
    assert [found.take(), found.take(), found.take()] == [ours, theirs, []]


def test_a_batch_has_a_greatest_size() -> None:
    assert len(waiting(*(delivery() for _ in range(MOST_TOGETHER + 5))).take()) == MOST_TOGETHER


def test_those_that_go_alone_share_nothing_and_do_not_wait_for_a_lane() -> None:
    batches = [delivery(str(number)) for number in range(LANES)]
    found = waiting(*batches, delivery("late"))
    assert [found.take() for _ in batches] == [[one] for one in batches]
    assert found.take() == [], "all lanes are busy"
    for _ in range(2):
        found.add(delivery(alone=True))
    assert [len(found.take()) for _ in range(3)] == [1, 1, 0]


def test_no_more_turns_run_than_there_are_workers() -> None:
    found = waiting(*(delivery(alone=True) for _ in range(5)), most=3)
    taken = [found.take() for _ in range(5)]
    assert [len(turn) for turn in taken] == [1, 1, 1, 0, 0]
    found.end(taken[0])
    assert len(found.take()) == 1


def test_a_batch_that_failed_comes_again_one_by_one_and_gives_its_lane_back() -> None:
    found = waiting(*(delivery() for _ in range(3)))
    batch = found.take()
    found.end(batch, again=True)
    assert [found.take() for _ in range(4)] == [[batch[0]], [batch[1]], [batch[2]], []]
    for one in batch:
        found.end([one])
    assert found.idle
    for number in range(LANES):
        found.add(delivery(str(number)))
    assert [len(found.take()) for _ in range(LANES)] == [1] * LANES
