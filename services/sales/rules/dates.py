"""Days as records hold them: YYYY-MM-DD."""

from __future__ import annotations

import datetime

from services.chassis.errors import InvalidArgument


def check(field: str, text: str) -> None:
    """Refuses a day that no calendar has, such as 2026-02-30; no day at all is fine.

    Raises:
        InvalidArgument: it is none.
    """
    if not text:
        return
    try:
        datetime.date.fromisoformat(text)
    except ValueError as error:
        raise InvalidArgument.of(field, f"{text!r} is no day of the calendar") from error


def start_of(text: str) -> datetime.datetime:
    """The first moment of a day in UTC, without a time zone as MongoDB has it."""
    return datetime.datetime.fromisoformat(text)
