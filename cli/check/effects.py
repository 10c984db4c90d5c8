"""What a story that was told has left everywhere: each event exactly one effect, none missing and none twice."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

from cli.check.api import Json
from cli.check.expectation import Unmet, eventually, expect
from cli.check.story import Step, Story
from cli.check.stream import EventStream

HAPPENED = [
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
"""What happens with the customer, as kind and verb; what is one transaction has no order among itself."""
TOLD_TO_US = frozenset({"notification", "delivery"})
"""What stands on the timeline besides: who of us was told about it."""
_LEAST_TOLD = 3  # the lead, the case and the deal that was won are told


class Effects:
    """Looks at the end of a story; `stream` has listened since before its beginning."""

    def __init__(self, story: Story, stream: EventStream) -> None:
        self._story = story
        self._stream = stream

    def steps(self) -> list[Step]:
        """What is looked at, each of it raising Unmet when it is not so."""
        return [
            self.the_timeline_shows_each_event_once,
            self.nobody_was_told_anything_twice,
            self.a_listener_saw_every_change,
            self.every_change_carries_the_trace_of_its_request,
        ]

    def the_timeline_shows_each_event_once(self) -> None:
        entries = self.timeline()
        happened = Counter((one["kind"], one["verb"]) for one in entries if one["kind"] not in TOLD_TO_US)
        wanted = Counter(HAPPENED)
        expect(happened == wanted, "each event of the story on the timeline once", _difference(wanted, happened))
        _expect_once("each event on the timeline", (one["event"] for one in entries))
        for record in self._story.records():
            shown = {one["event"] for one in entries if one["record"] == record}
            changes = {one["id"] for one in self._story.changes(record)}
            expect(shown == changes, f"{len(changes)} changes of {record} on the timeline", len(shown))

    def nobody_was_told_anything_twice(self) -> None:
        about = (self._story.lead["name"], self._story.case["name"], self._story.opportunity)
        told = self._eventually(partial(self._told, about), f"{_LEAST_TOLD} notifications")
        _expect_once("each event in the notifications", (one["eventId"] for one in told))
        for notification in told:
            self._story.delivery(notification["name"])

    def a_listener_saw_every_change(self) -> None:
        delays = self.delays()
        self._story.remarks.append(f"the stream took {1000 * statistics.median(delays):.0f} ms at the median")

    def every_change_carries_the_trace_of_its_request(self) -> None:
        requests = set(self._story.api.ledger.writes)
        for record in self._story.records():
            for change in self._story.changes(record):
                traced = change.get("traceId", "")
                expect(traced in requests, f"one of the story's traces with change {change['id']} of {record}", traced)

    def timeline(self) -> list[Json]:
        """The account's timeline, oldest first, as soon as every change of the story's records stands there."""
        story = self._story
        expected = {change["id"] for record in story.records() for change in story.changes(record)}

        def entries() -> list[Json]:
            return list(story.api.pages(f"{story.account}/timeline", "timelineEntries"))

        def complete() -> list[Json] | None:
            found = entries()
            return found if expected <= {entry["event"] for entry in found} else None

        def shown() -> str:
            return f"{len(expected & {entry['event'] for entry in entries()})} of them"

        return list(reversed(self._eventually(complete, f"a timeline with {len(expected)} changes", shown)))

    def delays(self) -> list[float]:
        """Seconds from the commit of each change to its arrival at the listener, as soon as all have arrived."""
        story = self._story
        delays: list[float] = []
        for record in story.records():
            committed = [change["id"] for change in reversed(story.changes(record))]
            seen = self._stream.until(record, set(committed), seconds=story.patience_seconds)
            found = [one.id for one in seen]
            expect(found == committed, f"the changes of {record} on the stream in their order", found)
            delays += [one.delay_seconds for one in seen]
        return delays

    def _told(self, about: tuple[str, ...]) -> list[Json] | None:
        query = " OR ".join(f'record = "{record}"' for record in about)
        told = list(self._story.api.all("notifications", filter=query))
        return told if len(told) >= _LEAST_TOLD else None

    def _eventually(
        self, ask: Callable[[], list[Json] | None], what: str, found: Callable[[], str] = lambda: ""
    ) -> list[Json]:
        trace_id = self._story.api.trace_id
        return eventually(ask, seconds=self._story.patience_seconds, what=what, trace_id=trace_id, found=found)


def _difference(wanted: Counter[tuple[str, str]], found: Counter[tuple[str, str]]) -> str:
    missing = [f"{kind}.{verb} missing" for kind, verb in wanted - found]
    return ", ".join(missing + [f"{kind}.{verb} too often" for kind, verb in found - wanted])


def _expect_once(what: str, events: Iterable[str]) -> None:
    for event, times in Counter(events).items():
        if times > 1:
            raise Unmet(f"{what} once", f"{event} {times} times")
