"""What solving cases knows, without a database."""

from __future__ import annotations

import datetime

import pytest
from kith.cases.v1.case_pb2 import (
    CASE_PRIORITY_LOW,
    CASE_PRIORITY_MEDIUM,
    CASE_STATUS_CLOSED,
    CASE_STATUS_NEW,
    CASE_STATUS_OPEN,
    CASE_STATUS_RESOLVED,
    CASE_STATUS_WAITING,
    Case,
    CaseStatus,
)
from kith.cases.v1.message_pb2 import (
    MESSAGE_DIRECTION_INBOUND,
    MESSAGE_DIRECTION_NOTE,
    MESSAGE_DIRECTION_OUTBOUND,
    Message,
    MessageDirection,
)

from services.cases.rules import assignment, messages, progress

NOW = datetime.datetime(2026, 11, 22, 3, 4, 5)
LATER = NOW + datetime.timedelta(hours=1)


def said(direction: MessageDirection, at: datetime.datetime) -> Message:
    return Message(direction=direction, send_time=progress.timestamp(at))


def solved_at(moment: datetime.datetime) -> Case:
    return Case(status=CASE_STATUS_RESOLVED, resolve_time=progress.timestamp(moment))


def test_a_case_is_new_and_as_urgent_as_usual_unless_it_says_otherwise() -> None:
    case, low = Case(), Case(status=CASE_STATUS_OPEN, priority=CASE_PRIORITY_LOW)
    progress.complete(case, None, NOW)
    progress.complete(low, None, NOW)
    assert (case.status, case.priority) == (CASE_STATUS_NEW, CASE_PRIORITY_MEDIUM)
    assert (low.status, low.priority) == (CASE_STATUS_OPEN, CASE_PRIORITY_LOW)


def test_when_it_was_solved_is_now_or_for_one_that_comes_solved_what_it_says() -> None:
    imported = solved_at(NOW)
    progress.complete(imported, None, LATER)
    assert imported.resolve_time.ToDatetime() == NOW
    solved = Case(status=CASE_STATUS_RESOLVED)
    progress.complete(solved, Case(status=CASE_STATUS_OPEN), LATER)
    assert solved.resolve_time.ToDatetime() == LATER
    closed = Case(status=CASE_STATUS_CLOSED)
    progress.complete(closed, solved_at(NOW), LATER)
    assert closed.resolve_time.ToDatetime() == NOW
    opened = Case(status=CASE_STATUS_OPEN, resolve_time=progress.timestamp(NOW))
    progress.complete(opened, solved_at(NOW), LATER)
    assert not opened.HasField("resolve_time")


def test_an_update_says_what_it_means() -> None:
    waiting, solved = Case(status=CASE_STATUS_WAITING), Case(status=CASE_STATUS_RESOLVED)
    given = Case(status=CASE_STATUS_WAITING, assignee="users/1")
    both = Case(status=CASE_STATUS_CLOSED, assignee="users/1")
    assert [progress.verb(solved, waiting), progress.verb(both, waiting)] == ["resolved", "resolved"]
    assert [progress.verb(given, waiting), progress.verb(both, solved)] == ["assigned", "assigned"]
    assert [progress.verb(waiting, given), progress.verb(waiting, solved)] == ["updated", "updated"]


def test_only_an_open_case_that_nobody_works_on_waits() -> None:
    assert assignment.waits(Case(status=CASE_STATUS_WAITING))
    assert not assignment.waits(Case(status=CASE_STATUS_NEW, assignee="users/1"))
    assert not assignment.waits(Case(status=CASE_STATUS_CLOSED))


def test_what_we_write_is_by_who_hands_it_in_but_not_what_a_customer_wrote() -> None:
    note, word, platforms = Message(), Message(direction=MESSAGE_DIRECTION_INBOUND), Message()
    messages.complete(note, "users/1", NOW)
    messages.complete(word, "users/1", NOW)
    messages.complete(platforms, "services/cases", NOW)
    assert (note.direction, note.author, note.send_time.ToDatetime()) == (MESSAGE_DIRECTION_NOTE, "users/1", NOW)
    assert (word.author, platforms.author) == ("", "")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CASE_STATUS_NEW, CASE_STATUS_NEW),
        (CASE_STATUS_OPEN, CASE_STATUS_OPEN),
        (CASE_STATUS_WAITING, CASE_STATUS_OPEN),
        (CASE_STATUS_CLOSED, CASE_STATUS_CLOSED),
    ],
)
def test_the_customers_word_opens_what_waits_for_it(before: CaseStatus, after: CaseStatus) -> None:
    case = Case(status=before)
    messages.arrive(said(MESSAGE_DIRECTION_INBOUND, NOW), case)
    assert case.status == after


def test_a_solved_case_is_opened_by_what_is_said_after_that() -> None:
    early, late = solved_at(NOW), solved_at(NOW)
    messages.arrive(said(MESSAGE_DIRECTION_INBOUND, NOW - datetime.timedelta(hours=1)), early)
    messages.arrive(said(MESSAGE_DIRECTION_INBOUND, LATER), late)
    assert (early.status, late.status) == (CASE_STATUS_RESOLVED, CASE_STATUS_OPEN)


def test_the_first_answer_stays_the_first_and_the_latest_is_the_last() -> None:
    case = Case()
    for moment in (NOW, LATER, NOW):
        messages.arrive(said(MESSAGE_DIRECTION_OUTBOUND, moment), case)
    assert case.first_response_time.ToDatetime() == NOW
    assert case.last_response_time.ToDatetime() == LATER


def test_an_answer_waits_for_the_customer_unless_the_case_is_solved() -> None:
    case, solved = Case(status=CASE_STATUS_NEW), solved_at(NOW)
    for answered in (case, solved):
        messages.answer(said(MESSAGE_DIRECTION_OUTBOUND, LATER), answered)
    assert (case.status, solved.status) == (CASE_STATUS_WAITING, CASE_STATUS_RESOLVED)


def test_solving_what_is_solved_only_adds_how() -> None:
    closed = Case(status=CASE_STATUS_CLOSED, resolution="Screw")
    progress.resolve(closed, "")
    assert (closed.status, closed.resolution) == (CASE_STATUS_CLOSED, "Screw")
    progress.resolve(closed, "Nail")
    assert closed.resolution == "Nail"
    assert progress.number(7) == "C-000007"
