"""A service as its package declares it, and the engine that its code works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from google.protobuf.descriptor import ServiceDescriptor

from services.chassis import protos
from services.chassis.mongo import Client
from services.chassis.peers import Peers
from services.chassis.resources.records import Record
from services.chassis.resources.store import Store
from services.chassis.settings import Settings

Custom = Callable[["Engine"], Mapping[str, object]]
"""Makes the objects with a service's own methods, by the gRPC service's short name (`LeadService`)."""


def _no_custom_methods(_engine: Engine) -> Mapping[str, object]:
    return {}


@dataclass(frozen=True)
class Service:
    """One deployable service: its name, its records, and the methods beyond the standard ones."""

    name: str
    records: Sequence[Record]
    custom: Custom = field(default=_no_custom_methods)

    def store(self, client: Client, settings: Settings) -> Store:
        """The service's store in its own database."""
        return Store(client, settings.database(self.name), self.records)

    def descriptors(self) -> list[ServiceDescriptor]:
        """The gRPC services that this one serves, by its proto package."""
        return [service for service in protos.services() if protos.process(service) == self.name]


@dataclass(frozen=True)
class Engine:
    """What a service's own methods work with."""

    settings: Settings
    store: Store
    peers: Peers
