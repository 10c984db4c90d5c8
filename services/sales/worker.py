"""What the sales service hears, and what it does then."""

from __future__ import annotations

from kith.sales.v1.lead_pb2 import Lead

from services.chassis.bus import members
from services.chassis.bus.events import Event
from services.chassis.bus.handlers import Handlers
from services.chassis.resources.changes import Author
from services.chassis.resources.store import Store
from services.chassis.resources.transaction import Transaction
from services.chassis.telemetry import current_traceparent
from services.sales import assignment
from services.sales.pipelines import DEFAULT
from services.sales.rules import leads

HANDLERS = Handlers()
members.hear(HANDLERS)


@HANDLERS.handles("tenant.created")
def give_a_pipeline(_event: Event, tx: Transaction) -> None:
    """A new tenant can sell at once."""
    DEFAULT.of(tx)


@HANDLERS.handles("lead.created")
def assign(event: Event, tx: Transaction) -> None:
    """A new lead that nobody owns gets an owner."""
    if leads.waits(event.message(Lead)):
        assignment.assign(tx, event.record)


@HANDLERS.handles("user.*", "role.*", transaction=False)
def assign_what_waits(event: Event, store: Store) -> None:
    """When somebody can take leads at last, those that waited are given out."""
    author = Author(event.tenant, "services/sales", current_traceparent())
    assignment.assign_waiting(store, author)
