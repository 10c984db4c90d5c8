"""What the cases service hears, and what it does then."""

from __future__ import annotations

from kith.cases.v1.case_pb2 import Case

from services.cases import assignment
from services.cases.queues import DEFAULT
from services.cases.rules.assignment import waits
from services.chassis.bus import members
from services.chassis.bus.events import Event
from services.chassis.bus.handlers import Handlers
from services.chassis.resources.changes import Author
from services.chassis.resources.store import Store
from services.chassis.resources.transaction import Transaction
from services.chassis.telemetry import current_traceparent

HANDLERS = Handlers()
members.hear(HANDLERS)


@HANDLERS.handles("tenant.created")
def give_a_queue(_event: Event, tx: Transaction) -> None:
    """A new tenant can take cases at once."""
    DEFAULT.of(tx)


@HANDLERS.handles("case.created")
def assign(event: Event, tx: Transaction) -> None:
    """A new case that is open and that nobody works on gets an assignee."""
    if waits(event.message(Case)):
        assignment.assign(tx, event.record)


@HANDLERS.handles("user.*", "role.*", "queue.created", "queue.updated", transaction=False)
def assign_what_waits(event: Event, store: Store) -> None:
    """When somebody can take cases at last, those that waited are given out."""
    author = Author(event.tenant, "services/cases", current_traceparent())
    assignment.assign_waiting(store, author)
