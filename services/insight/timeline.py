"""The timeline of one customer: a page of what happened, newest first."""

from __future__ import annotations

from typing import Any

from kith.insight.v1.timeline_entry_pb2 import TimelineEntry
from kith.insight.v1.timeline_entry_service_pb2 import ListTimelineRequest, ListTimelineResponse

from services.chassis.call import Call
from services.chassis.errors import InvalidArgument
from services.chassis.resources import paging
from services.chassis.resources.filter import compile_filter
from services.chassis.resources.ordering import parse_order
from services.chassis.resources.schema import RecordType
from services.chassis.resources.store import Store, translated
from services.insight import kinds
from services.insight.records import ENTRIES, TIMELINE

_MAX_QUERY_MS = 5_000
_WITHOUT_INTERNALS = {"_words": 0, "_pairs": 0, "_via": 0, "_seeds": 0}


class Timelines:
    """Answers ListTimeline; all other methods are standard."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kind = RecordType.of(TimelineEntry)
        # Event ids grow with time, so among events of one millisecond the id decides: also between the versions of
        # one record.
        self._order = parse_order(self._kind, "event_time desc")

    def ListTimeline(self, request: ListTimelineRequest, call: Call) -> ListTimelineResponse:
        """Lists what happened with an account, a contact or a lead; nothing did with one that nobody ever heard of."""
        if not kinds.is_customer(request.subject):
            raise InvalidArgument.of(
                "subject", "is no name of an account, a contact or a lead: accounts/…, contacts/… or leads/…"
            )
        size = paging.page_limit(request.page_size)
        tenant = call.principal.tenant
        arguments = paging.fingerprint("timeline", tenant, request.subject, request.filter)
        found = self._find(self._query(request, tenant, arguments), size + 1)
        token = paging.position_token(self._order, found[size - 1], arguments) if len(found) > size else ""
        page = [self._store.to_message(TimelineEntry, document) for document in found[:size]]
        return ListTimelineResponse(timeline_entries=page, next_page_token=token)

    def _query(self, request: ListTimelineRequest, tenant: str, arguments: bytes) -> dict[str, Any]:
        conditions = [compile_filter(self._kind, request.filter)]
        if request.page_token:
            conditions.append(paging.after(self._order, request.page_token, arguments))
        wanted = [condition for condition in conditions if condition]
        query: dict[str, Any] = {"tenant": tenant, "subjects": request.subject}
        return query | ({"$and": wanted} if wanted else {})

    def _find(self, query: dict[str, Any], limit: int) -> list[dict[str, Any]]:
        with translated():
            found = self._store.database[ENTRIES].find(
                query, _WITHOUT_INTERNALS, sort=self._order.sort, limit=limit, max_time_ms=_MAX_QUERY_MS
            )
            return list(found.hint(str(TIMELINE.document["name"])))
