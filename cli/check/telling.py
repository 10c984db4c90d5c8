"""Tells steps one after the other, up to the first that does not come true, and says how each of them went."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import httpx
from pymongo.errors import PyMongoError

from cli.check.expectation import Unmet
from cli.check.story import Step
from services.chassis.errors import KithError
from services.chassis.settings import SettingError


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step went and how long it took; the texts are empty when all is well."""

    step: str
    seconds: float
    expected: str = ""
    found: str = ""
    trace_id: str = ""

    @property
    def ok(self) -> bool:
        """Whether it came true."""
        return not (self.expected or self.found)

    def line(self) -> str:
        """For people."""
        if self.ok:
            return f"  ok      {self.seconds:7.2f} s  {self.step}"
        trace = f"\n             trace     {self.trace_id}" if self.trace_id else ""
        return (
            f"  FAILED  {self.seconds:7.2f} s  {self.step}"
            f"\n             expected  {self.expected}\n             found     {self.found or 'nothing'}{trace}"
        )

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {"ok": self.ok, **asdict(self), "seconds": round(self.seconds, 3)}


def tell(steps: Iterable[Step], told: Callable[[Outcome], None]) -> bool:
    """Tells the steps and hands each outcome to `told`; False when one did not come true, which is the last."""
    for step in steps:
        outcome = _outcome(step)
        told(outcome)
        if not outcome.ok:
            return False
    return True


def _outcome(step: Step) -> Outcome:
    name, begun = step.__name__.replace("_", " "), time.monotonic()

    def after(expected: str = "", found: str = "", trace_id: str = "") -> Outcome:
        return Outcome(name, time.monotonic() - begun, expected, found, trace_id)

    try:
        step()
    except Unmet as unmet:
        return after(unmet.expected, unmet.found, unmet.trace_id)
    except KeyError as missing:
        return after(f"an answer with {missing}", "none")
    except (httpx.HTTPError, PyMongoError, KithError, SettingError) as error:
        return after("no error", f"{type(error).__name__}: {error}")
    return after()
