"""What every api answers besides its records: its event log, and which names exist."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kith.type.v1 import platform_service_pb2 as pb
from pymongo import ASCENDING

from services.chassis.bus.events import cloud_event, encode
from services.chassis.call import Call
from services.chassis.resources.bson_codec import Document, to_datetime
from services.chassis.resources.changes import COLLECTION
from services.chassis.resources.references import missing_here
from services.chassis.resources.store import Store, translated

DEFAULT_PAGE = 100
MAX_PAGE_BYTES = 4 * 1024 * 1024
"""A page of events ends early when it grows beyond this, so that it fits into a gRPC message."""


class Platform:
    """kith.type.v1.PlatformService over one service's store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._types = {record.type.kind: record.type for record in store.records}

    def ListEvents(self, request: pb.ListEventsRequest, call: Call) -> pb.ListEventsResponse:  # the RPC's name
        """Lists events of kinds that the caller may read, oldest first."""
        readable = [kind for kind, of in self._types.items() if call.principal.may(f"{of.plural}.read")]
        query: dict[str, Any] = {"tenant": call.principal.tenant, "kind": {"$in": readable}}
        if request.after:
            query["_id"] = {"$gt": request.after}
        if request.HasField("since"):
            query["time"] = {"$gte": to_datetime(request.since)}
        with translated():
            found = self._store.database[COLLECTION].find(
                query, sort=[("_id", ASCENDING)], limit=request.page_size or DEFAULT_PAGE
            )
            return pb.ListEventsResponse(events=_page(self._event(change) for change in found))

    def _event(self, change: Document) -> str:
        return encode(cloud_event(self._types[change["kind"]], change)).decode()

    def CheckReferences(
        self, request: pb.CheckReferencesRequest, call: Call
    ) -> pb.CheckReferencesResponse:  # the RPC's name
        """Tells which names the tenant does not have here."""
        return pb.CheckReferencesResponse(missing=missing_here(self._store, call.principal.tenant, request.names))


def _page(events: Iterable[str]) -> list[str]:
    listed, size = [], 0
    for event in events:
        listed.append(event)
        size += len(event)
        if size > MAX_PAGE_BYTES:
            break
    return listed
