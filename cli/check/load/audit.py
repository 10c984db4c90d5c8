"""Reads back what a load has created: is every acknowledged record there, once, and on the timeline, once?"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from cli.check.api import Api
from cli.check.load.ledger import Entry

FAULTS = ("lost", "duplicated", "events_missing", "events_duplicated")
"""What must be zero."""
_PAUSE_SECONDS = 1.0


def audit(
    api: Api, account: str, mark: str, created: Sequence[Entry], patience_seconds: float
) -> Mapping[str, int | float]:
    """Compares the account's contacts and timeline with the acknowledged creates, counting by the load's own numbers.

    lost: acknowledged, and not there. duplicated: there more than once. unacknowledged: there, though nobody heard of
    it (its answer was lost). events_missing: acknowledged, without its entry on the timeline after the patience.
    events_duplicated: contacts whose creation stands on the timeline more than once. settled_seconds: how long the
    timeline took to be complete after the load.

    Raises:
        Unmet: the gateway does not answer.
    """
    there: dict[str, list[str]] = defaultdict(list)
    for contact in api.all("contacts", filter=f'account = "{account}"'):
        there[contact["familyName"]].append(contact["name"])
    acknowledged = {f"{mark}-{one.number}": one.name for one in created}
    shown, settled = _creations(api, account, set(acknowledged.values()), patience_seconds)
    return {
        "lost": sum(name not in there.get(family, ()) for family, name in acknowledged.items()),
        "duplicated": sum(len(names) - 1 for names in there.values()),
        "unacknowledged": len(there.keys() - acknowledged.keys()),
        "events_missing": sum(shown[name] == 0 for name in acknowledged.values()),
        "events_duplicated": sum(times - 1 for times in shown.values() if times > 1),
        "settled_seconds": round(settled, 1),
    }


def _creations(api: Api, account: str, wanted: set[str], patience_seconds: float) -> tuple[Counter[str], float]:
    """How often each contact's creation stands on the timeline, once all wanted do or the patience is over."""
    begun = time.monotonic()
    while True:
        shown = Counter(
            entry["record"]
            for entry in api.pages(f"{account}/timeline", "timelineEntries")
            if (entry["kind"], entry["verb"]) == ("contact", "created")
        )
        seconds = time.monotonic() - begun
        if wanted <= shown.keys() or seconds > patience_seconds:
            return shown, seconds
        time.sleep(_PAUSE_SECONDS)
