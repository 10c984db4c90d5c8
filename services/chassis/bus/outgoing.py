"""A Change as the message that is sent."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.chassis.bus import events
from services.chassis.resources.schema import RecordType

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message's body, and its AMQP properties as py-amqp names them."""

    body: bytes
    properties: Mapping[str, Any]


class Encoder:
    """Encodes the Changes of records of the given types."""

    def __init__(self, record_types: Iterable[RecordType]) -> None:
        self._types = {record_type.kind: record_type for record_type in record_types}

    def cloud_event(self, change: Mapping[str, Any]) -> events.Json | None:
        """The CloudEvent of a Change.

        None when it cannot be made: of a kind that this version does not know, or with a value that its proto no
        longer allows. It stays in the log, and one bad entry must not hold up all that come after it.
        """
        record_type = self._types.get(change["kind"])
        if record_type is None:
            _log.error("%s is about a %s, which this version does not know: not sent", change["_id"], change["kind"])
            return None
        try:
            return events.cloud_event(record_type, change)
        except (TypeError, ValueError, KeyError) as error:
            _log.error("%s cannot be made an event: not sent", change["_id"], exc_info=error)
            return None

    def __call__(self, change: Mapping[str, Any], traceparent: str, *, replay: bool = False) -> Outgoing | None:
        """The message of a Change, sent within the span of `traceparent`; None as for `cloud_event`."""
        event = self.cloud_event(change)
        if event is None:
            return None
        headers: dict[str, Any] = {"tenant": change["tenant"]}
        if traceparent:
            headers["traceparent"] = traceparent
        if replay:
            headers["replay"] = True
        properties = {
            "content_type": events.CONTENT_TYPE,
            "message_id": event["id"],
            "type": event["type"],
            "app_id": event["source"],
            "application_headers": headers,
        }
        return Outgoing(events.encode(event), properties)
