"""Messages, and what they do to their case."""

from __future__ import annotations

import datetime

from kith.cases.v1.case_pb2 import (
    CASE_STATUS_OPEN,
    CASE_STATUS_RESOLVED,
    CASE_STATUS_WAITING,
    Case,
)
from kith.cases.v1.message_pb2 import (
    MESSAGE_DIRECTION_INBOUND,
    MESSAGE_DIRECTION_NOTE,
    MESSAGE_DIRECTION_OUTBOUND,
    Message,
)

from services.cases.rules.progress import SOLVED, timestamp


def complete(message: Message, author: str, now: datetime.datetime) -> None:
    """Sets direction, time and author of a new message. `author` is who hands it in: `users/…` or `services/…`.

    What a customer wrote was not written by who hands it in.
    """
    message.direction = message.direction or MESSAGE_DIRECTION_NOTE
    if not message.HasField("send_time"):
        message.send_time.CopyFrom(timestamp(now))
    if message.direction != MESSAGE_DIRECTION_INBOUND and author.startswith("users/"):
        message.author = message.author or author


def concerns_case(message: Message) -> bool:
    """Whether a new message may change its case."""
    return message.direction in (MESSAGE_DIRECTION_INBOUND, MESSAGE_DIRECTION_OUTBOUND)


def arrive(message: Message, case: Case) -> None:
    """What a new message changes in its case.

    The customer's word opens a case again that waited for it or was thought solved, unless it was sent before that.
    Our first word to the customer is the first response, the latest the last one.
    """
    if message.direction == MESSAGE_DIRECTION_INBOUND and _reopens(message, case):
        case.status = CASE_STATUS_OPEN
    if message.direction == MESSAGE_DIRECTION_OUTBOUND:
        if not case.HasField("first_response_time"):
            case.first_response_time.CopyFrom(message.send_time)
        if case.last_response_time.ToNanoseconds() < message.send_time.ToNanoseconds():
            case.last_response_time.CopyFrom(message.send_time)


def answer(message: Message, case: Case) -> None:
    """What our answer changes: from now on we wait for the customer, unless the case is solved."""
    arrive(message, case)
    if case.status not in SOLVED:
        case.status = CASE_STATUS_WAITING


def _reopens(message: Message, case: Case) -> bool:
    if case.status == CASE_STATUS_RESOLVED:
        return message.send_time.ToNanoseconds() >= case.resolve_time.ToNanoseconds()
    return case.status == CASE_STATUS_WAITING
