"""What all databases of a platform hold, as one fingerprint per document: did anything change, and what?"""

from __future__ import annotations

import hashlib
import time
from typing import Any

import bson
import pymongo

_PASSING = {"leases", "relay", "sessions", "attempts", "claims"}
"""What processes and sessions keep for themselves: it changes with time, whoever calls or not."""
_USES = {"use_time"}
"""When an API key was used is noted beside the record."""

Held = dict[str, str]


class Ledger:
    """Looks into the databases of one platform."""

    def __init__(self, client: pymongo.MongoClient[dict[str, Any]]) -> None:
        self.client = client
        self._settled: Held = {}

    def read(self) -> Held:
        """Fingerprints by database, collection and document."""
        return {
            f"{name}.{collection} {document['_id']}": _fingerprint(document)
            for name in self.client.list_database_names()
            if name.startswith("kith_")
            for collection in self.client[name].list_collection_names()
            if collection not in _PASSING
            for document in self.client[name][collection].find()
        }

    def settled(self, *, quiet_seconds: float = 1.0, at_most_seconds: float = 60.0) -> Held:
        """As `read`, once the workers have nothing left to do: nothing changed for `quiet_seconds`."""
        deadline = time.monotonic() + at_most_seconds
        held, since = self.read(), time.monotonic()
        if held == self._settled:
            return held  # nothing happened since it was quiet
        while time.monotonic() - since < quiet_seconds:
            assert time.monotonic() < deadline, f"the databases did not come to rest within {at_most_seconds:g} s"
            time.sleep(0.2)
            now = self.read()
            if now != held:
                held, since = now, time.monotonic()
        self._settled = held
        return held


def changed(before: Held, after: Held) -> list[str]:
    """The documents that came, went or changed."""
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def _fingerprint(document: dict[str, Any]) -> str:
    kept = {key: value for key, value in document.items() if key not in _USES}
    return hashlib.sha256(bson.encode(kept)).hexdigest()
