"""The catalogue of all events as an AsyncAPI 3 document, generated from the protos.

One channel per kind of event: its exchange, its routing key, who sends it, who hears it and why, and the JSON schema
of the CloudEvent with the record inside. Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FileDescriptor
from kith.type.v1 import options_pb2

from services.chassis import protos
from services.chassis.bus.events import CONTENT_TYPE, SCHEMA_VERSION, SPEC_VERSION, exchange
from services.chassis.bus.topology import matches, queue
from services.chassis.json_schema import Schemas
from services.chassis.resources.schema import RecordType, record_types

Json = dict[str, Any]
STANDARD_VERBS = {
    "created": "The record was created.",
    "updated": "Fields of the record were changed, and no other verb says it better.",
    "deleted": "The record was deleted; it can still be undeleted.",
    "undeleted": "The record was brought back.",
}


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of event."""

    record: RecordType
    verb: str
    description: str

    @property
    def key(self) -> str:
        return f"{self.record.kind}.{self.verb}"

    @property
    def id(self) -> str:
        return f"{self.record.service}.{self.key}"


def document(
    files: Sequence[FileDescriptor] | None = None, comments: Mapping[str, str] | None = None, *, version: str = "1"
) -> Json:
    """The document for these proto files; by default all of Kith's, with their comments."""
    files = protos.files() if files is None else files
    schemas = Schemas(protos.comments() if comments is None else comments)
    kinds = [kind for file in files for kind in _kinds(file)]
    messages = {kind.id: _message(kind, schemas) for kind in kinds}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Kith events", "version": version, "description": _ABOUT, "license": _LICENSE},
        "defaultContentType": CONTENT_TYPE,
        "channels": {kind.id: _channel(kind) for kind in kinds},
        "operations": {**_sent(kinds), **_received(kinds, files)},
        "components": {
            "messages": messages,
            "schemas": {"CloudEvent": _ENVELOPE, "FieldChange": _FIELD_CHANGE, **schemas.components},
        },
    }


def _kinds(file: FileDescriptor) -> Iterator[_Kind]:
    for record in record_types(file):
        if record.projection:
            continue
        options: Any = record.descriptor.GetOptions()
        declared = {event.verb: event.description for event in options.Extensions[options_pb2.record].events}
        for verb, description in {**STANDARD_VERBS, **declared}.items():
            yield _Kind(record, verb, description)


def _channel(kind: _Kind) -> Json:
    return {
        "address": kind.key,
        "title": kind.id,
        "description": kind.description,
        "messages": {"event": {"$ref": f"#/components/messages/{kind.id}"}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {
                    "name": exchange(kind.record.service),
                    "type": "topic",
                    "durable": True,
                    "autoDelete": False,
                },
                "bindingVersion": "0.3.0",
            }
        },
    }


def _message(kind: _Kind, schemas: Schemas) -> Json:
    record = schemas.reference(kind.record.descriptor)
    return {
        "name": f"kith.{kind.record.service}.{SCHEMA_VERSION}.{kind.key}",
        "title": f"{kind.record.type.rpartition('/')[2]} {kind.verb}",
        "summary": kind.description,
        "contentType": CONTENT_TYPE,
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/CloudEvent"},
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": f"kith.{kind.record.service}.{SCHEMA_VERSION}.{kind.key}"},
                        "source": {"const": f"/kith/{kind.record.service}"},
                        "data": {"type": "object", "properties": {"record": record}},
                    },
                },
            ]
        },
    }


def _sent(kinds: Sequence[_Kind]) -> Json:
    return {
        f"{kind.id}.send": {
            "action": "send",
            "channel": {"$ref": f"#/channels/{kind.id}"},
            "title": f"{kind.record.service} tells {kind.key}",
            "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, "ack": True, "bindingVersion": "0.3.0"}},
        }
        for kind in kinds
    }


def _received(kinds: Sequence[_Kind], files: Sequence[FileDescriptor]) -> Json:
    found: Json = {}
    for file in files:
        options: Any = file.GetOptions()
        service = file.package.split(".")[1] if "." in file.package else ""
        for subscription in options.Extensions[options_pb2.subscriptions]:
            for kind in kinds:
                if exchange(kind.record.service) == subscription.exchange and any(
                    matches(pattern, kind.key) for pattern in subscription.keys
                ):
                    found[f"{service}.{kind.id}.receive"] = {
                        "action": "receive",
                        "channel": {"$ref": f"#/channels/{kind.id}"},
                        "title": f"{service} hears {kind.id}",
                        "description": f"{subscription.description} Queue: `{queue(service)}`.",
                    }
    return found


_ABOUT = (
    "Everything that happens in Kith, as CloudEvents 1.0 in structured JSON on RabbitMQ: one durable topic exchange "
    "per service, routing key `<kind>.<verb>`, persistent messages. Delivery is at least once and in no promised "
    "order: drop ids that you have seen, and compare `recordversion`. Unknown fields may appear at any time."
)
_LICENSE = {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}
_TEXT = {"type": "string", "minLength": 1}
_ENVELOPE: Json = {
    "type": "object",
    "description": "CloudEvents 1.0 with Kith's extensions `tenant`, `recordversion` and `actor`.",
    "required": ["specversion", "id", "source", "type", "subject", "time", "tenant", "recordversion", "data"],
    "properties": {
        "specversion": {"const": SPEC_VERSION},
        "id": {**_TEXT, "description": "The same for every delivery of the same event; later events have greater ids."},
        "source": {**_TEXT, "description": "The service that tells it, `/kith/<service>`."},
        "type": {**_TEXT, "description": "`kith.<service>.v1.<kind>.<verb>`"},
        "subject": {**_TEXT, "description": "The record's resource name."},
        "time": {"type": "string", "format": "date-time", "description": "When it was committed."},
        "datacontenttype": {"const": "application/json"},
        "tenant": {**_TEXT, "description": "The tenant's id."},
        "recordversion": {"type": "integer", "minimum": 1, "description": "The record's version after the change."},
        "actor": {"type": "string", "description": "Who did it: `users/…`, or `services/…` for the platform itself."},
        "traceparent": {"type": "string", "description": "W3C trace context of the change."},
        "data": {
            "type": "object",
            "required": ["record", "changes"],
            "properties": {
                "record": {"type": "object", "description": "The record as it was after the change."},
                "changes": {
                    "type": "array",
                    "description": "What changed; empty for a new record.",
                    "items": {"$ref": "#/components/schemas/FieldChange"},
                },
            },
        },
    },
}
_FIELD_CHANGE: Json = {
    "type": "object",
    "required": ["field", "before", "after"],
    "properties": {
        "field": {**_TEXT, "description": "The field's JSON path, for example `billingAddress.city`."},
        "before": {"description": "The value before; null when there was none."},
        "after": {"description": "The value after; null when there is none."},
    },
}
