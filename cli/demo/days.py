"""Moments around the day on which the company is made."""

from __future__ import annotations

import datetime
import random


class Days:
    """Counts from one day: -30 is a month ago. Nobody works on weekends."""

    def __init__(self, today: datetime.date) -> None:
        self.today = today

    def date(self, offset: int) -> str:
        """A working day as YYYY-MM-DD: on or before that day in the past, on or after it in the future."""
        return self._working(offset).isoformat()

    def moment(self, offset: int, rng: random.Random) -> str:
        """Some moment in the working hours of a day, RFC 3339."""
        return f"{self.date(offset)}T{rng.randint(7, 15):02}:{rng.randrange(0, 60, 5):02}:00Z"

    def _working(self, offset: int) -> datetime.date:
        day = self.today + datetime.timedelta(days=offset)
        step = datetime.timedelta(days=1 if offset > 0 else -1)
        while day.weekday() >= 5:
            day += step
        return day
