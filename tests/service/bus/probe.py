"""A service that notes what it hears: `python -m tests.service.bus.probe <service>`, run as a worker.

What a lead's `company` says is what its handler does: `fail twice` raises at the first two attempts, `always fail`
at all of them, `slow` takes a second, `die` kills the process before its commit, once.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from services.chassis.bus import green

if __name__ == "__main__":
    green.patch()

from kith.sales.v1.lead_pb2 import Lead

from services.chassis.bus import projections
from services.chassis.bus.events import Event
from services.chassis.bus.handlers import Handlers
from services.chassis.resources.records import Record
from services.chassis.resources.store import Store
from services.chassis.resources.transaction import Transaction
from services.chassis.settings import from_environment
from services.chassis.telemetry import current_trace_id

RECORDS = {"sales": [Record(Lead)], "insight": [], "identity": []}
NOTES, LEADS, OUTSIDE = "notes", "leads_seen", "outside"


class Broken(Exception):
    """What a handler with a mistake raises."""


def note(event: Event, tx: Transaction) -> None:
    """Notes the event, after whatever the lead asks for."""
    company = event.message(Lead).company if event.kind == "lead" else ""
    entry: dict[str, Any] = {
        "tenant": event.tenant,
        "event": event.id,
        "record": event.record,
        "key": event.key,
        "version": event.version,
        "attempt": event.attempt,
        "trace": current_trace_id(),
        "transaction": f"{tx.session.session_id['id'].hex()} {tx.now.isoformat()}",
        "transaction_tenant": tx.tenant,
        "author": tx.author.subject,
        "author_trace": tx.author.traceparent,
        "time": time.time(),
    }
    tx.collection(NOTES).insert_one(entry, session=tx.session)
    if company == "always fail" or (company == "fail twice" and event.attempt <= 2):
        raise Broken('somebody@example.org has "a secret"')
    if company == "slow":
        time.sleep(1.0)
    died = Path(os.environ["KITH_PROBE_DIED"])
    if company == "die" and not died.exists():
        died.touch()
        os._exit(137)


def keep(event: Event, tx: Transaction) -> None:
    """Keeps a read model of leads."""
    lead = None if event.verb == "deleted" else {"company": event.message(Lead).company}
    projections.upsert_if_newer(tx, LEADS, event.record, event.version, lead)


def outside(event: Event, store: Store) -> None:
    """Has an effect that no transaction holds."""
    store.database[OUTSIDE].update_one({"_id": event.id}, {"$inc": {"times": 1}}, upsert=True)


def handlers(service: str) -> Handlers:
    """Insight notes everything and keeps leads, the others hear nothing."""
    found = Handlers()
    if service == "insight":
        found.handles("#")(note)
        found.handles("lead.*")(keep)
        found.handles("lead.deleted", transaction=False)(outside)
    return found


if __name__ == "__main__":
    from services.chassis.bus import worker

    worker.run(sys.argv[1], RECORDS[sys.argv[1]], handlers(sys.argv[1]), from_environment(os.environ))
