"""The gRPC services of the insight service: standard methods from the engine, the timeline by hand."""

from __future__ import annotations

from services.chassis.service import Service
from services.insight.records import RECORDS
from services.insight.timeline import Timelines

SERVICE = Service("insight", RECORDS, custom=lambda engine: {"TimelineEntryService": Timelines(engine.store)})
