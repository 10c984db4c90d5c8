"""Real events: what the engine makes of writes to records, as their readers get them from the bus."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message

from services.chassis import protos
from services.chassis.bus.events import Event, cloud_event, decode, encode
from services.chassis.mongo import Client
from services.chassis.resources.changes import Author
from services.chassis.resources.records import Record
from services.chassis.resources.schema import RecordType
from services.chassis.resources.store import Store
from services.chassis.resources.transaction import Transaction


class Happenings:
    """Stores of all services without their hooks; everything that is written is kept as `events`, in order."""

    def __init__(self, client: Client, prefix: str, tenant: str) -> None:
        self.tenant = tenant
        self.events: list[Event] = []
        kinds = [RecordType.of(protos.message_class(descriptor)) for descriptor in protos.records()]
        self._kinds = {kind.kind: kind for kind in kinds}
        self._stores = {
            service: Store(
                client, prefix + service, [Record(kind.message) for kind in kinds if kind.service == service]
            )
            for service in {kind.service for kind in kinds}
        }

    def create(self, message: Any, **more: str) -> Any:
        """Creates a record."""
        return self._write(type(message), lambda tx: tx.create(message, **more))

    def update(self, name: str, message_class: type[Message], verb: str = "updated", **fields: Any) -> Any:
        """Sets fields of a record; None clears one."""

        def change(message: Any) -> None:
            for field, value in fields.items():
                message.ClearField(field)
                if value is not None:
                    message.MergeFrom(message_class(**{field: value}))

        return self._write(message_class, lambda tx: tx.update(message_class, name, change, verb=verb))

    def delete(self, name: str, message_class: type[Message]) -> Any:
        """Deletes a record."""
        return self._write(message_class, lambda tx: tx.delete(message_class, name))

    @property
    def last(self) -> Event:
        """What happened last."""
        return self.events[-1]

    def _write(self, message_class: type[Message], work: Callable[[Transaction], Any]) -> Any:
        made: list[Any] = []

        def noted(tx: Transaction) -> Any:
            result = work(tx)
            made[:] = tx.changes
            return result

        kind = RecordType.of(message_class)
        author = Author(self.tenant, "users/somebody", "00-" + "a" * 32 + "-" + "b" * 16 + "-01")
        result = self._stores[kind.service].transact(author, noted)
        self.events += [decode(encode(cloud_event(self._kinds[change["kind"]], change))) for change in made]
        return result


def replayed(event: Event) -> Event:
    """The event as it comes when somebody sends it again on purpose."""
    return dataclasses.replace(event, replay=True)
