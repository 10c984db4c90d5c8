"""What was asked, what was acknowledged, and what failed how and when."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field

_MOST_TOLD = 50


@dataclass(slots=True)
class Entry:
    """One request. Times are seconds since the load's start.

    failure: how it failed at last; "" when it was acknowledged. name: of the record, once one is created.
    """

    number: int
    kind: str
    planned: float
    ended: float = 0.0
    repeats: int = 0
    failure: str = ""
    trace_id: str = ""
    name: str = ""


@dataclass
class Ledger:
    """Every request of a load, in the order in which they ended."""

    entries: list[Entry] = field(default_factory=list)

    def acknowledged(self, kind: str = "") -> list[Entry]:
        """The requests that were answered with success, all or of one kind."""
        return [one for one in self.entries if not one.failure and kind in ("", one.kind)]

    def report(self) -> dict[str, object]:
        """The sums. Latencies count from when a request was due, so a server that holds up the queue is seen."""
        failed = [one for one in self.entries if one.failure]
        acknowledged = self.acknowledged()
        latencies = sorted(one.ended - one.planned for one in acknowledged)
        seconds = max((one.ended for one in self.entries), default=0.0)
        return {
            "attempted": len(self.entries),
            "acknowledged": len(acknowledged),
            "failed": len(failed),
            "failures_by_kind": dict(Counter(one.failure for one in failed)),
            "first_failures": [_told(one) for one in failed[:_MOST_TOLD]],
            "retries": sum(one.repeats for one in self.entries),
            "rate": round(len(acknowledged) / seconds, 2) if seconds else 0.0,
            "seconds": round(seconds, 2),
            "p50_ms": _percentile_ms(latencies, 50),
            "p99_ms": _percentile_ms(latencies, 99),
            "max_ms": _percentile_ms(latencies, 100),
            "longest_silence_ms": _longest_silence_ms([one.ended for one in acknowledged], seconds),
        }


def _told(entry: Entry) -> dict[str, object]:
    return {"kind": entry.kind, "second": round(entry.ended, 2), "failure": entry.failure, "trace": entry.trace_id}


def _percentile_ms(ordered: list[float], percent: int) -> float:
    if not ordered:
        return 0.0
    return round(1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 1)


def _longest_silence_ms(ends: list[float], seconds: float) -> float:
    """The longest time in which nothing was acknowledged."""
    moments = [0.0, *sorted(ends), seconds]
    return round(1000 * max(after - before for before, after in itertools.pairwise(moments)), 1)
