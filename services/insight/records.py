"""The records of the insight service, and the collections beside them."""

from __future__ import annotations

from kith.insight.v1.timeline_entry_pb2 import TimelineEntry
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.chassis.resources.records import Record

ENTRIES = "timeline_entries"
WAITING = "waiting_entries"
"""Entries that concern no customer so far: in no list, until what they refer to becomes known."""
LINKS = "links"
"""Read model: which records and customers each record refers to now."""

_VIA = IndexModel([("tenant", ASCENDING), ("_via", ASCENDING), ("_id", ASCENDING)], name="via")
TIMELINE = IndexModel(
    [("tenant", ASCENDING), ("subjects", ASCENDING), ("event_time", DESCENDING), ("_id", DESCENDING)], name="timeline"
)

RECORDS = (Record(TimelineEntry, indexes=(TIMELINE, _VIA), beside={WAITING: [_VIA]}),)
