"""Services as real gRPC servers on free ports over a real MongoDB, and their workers' handlers fed with real events."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from amqp.basic_message import Message as AmqpMessage
from google.protobuf.message_factory import GetMessageClass
from joserfc.jwk import OKPKey
from kith.identity.v1.role_pb2 import Role
from kith.identity.v1.user_pb2 import User
from kith.type.v1 import platform_service_pb2

from services.chassis import protos, tokens
from services.chassis.api import methods
from services.chassis.bus import events
from services.chassis.bus.delivery import Deliveries
from services.chassis.bus.failures import Failures
from services.chassis.bus.handlers import Handlers
from services.chassis.call import Call
from services.chassis.errors import Unauthenticated, Unavailable
from services.chassis.mongo import Client
from services.chassis.peers import Peers
from services.chassis.platform import Platform
from services.chassis.principal import Principal, Verifier
from services.chassis.resources.changes import COLLECTION, Author
from services.chassis.resources.schema import RecordType
from services.chassis.resources.store import Store
from services.chassis.server import Server, bind
from services.chassis.service import Engine, Service
from services.chassis.settings import Settings
from services.identity import records as identity

_KEY = OKPKey.generate_key("Ed25519")
_KID = "tests"
_HOST = "127.0.0.1"


class _Keys:
    """The one key of these tests."""

    def find(self, kid: str) -> OKPKey | None:
        return _KEY if kid == _KID else None

    def refresh(self) -> None:
        return None


def _no_api_keys(_key: str) -> str:
    raise Unauthenticated("no API keys here")


class World:
    """Identity's users and roles, and the given services, each behind its own port."""

    def __init__(self, client: Client, uri: str, services: Sequence[Service]) -> None:
        self._ports: dict[str, str] = {}
        settings = Settings(listen="", mongodb_uri=uri, database_prefix=f"w{uuid.uuid4().hex[:8]}_", peers=self._ports)
        self._client = client
        self._settings = settings
        self.identity = Store(client, settings.database("identity"), identity.RECORDS)
        self.identity.migrate()
        self._servers = {"identity": self._serve({_PLATFORM: bind(_PLATFORM, {}, Platform(self.identity))})}
        self._ports["identity"] = f"{_HOST}:{self._servers['identity'][1]}"
        self.stores: dict[str, Store] = {}
        self._services = {service.name: service for service in services}
        for name in self._services:
            self.start(name)

    def start(self, name: str) -> None:
        """Starts a service's api; after `stop`, on its old port."""
        service = self._services[name]
        engine = Engine(self._settings, service.store(self._client, self._settings), Peers(self._settings))
        engine.store.migrate()
        self.stores[name] = engine.store
        self._servers[name] = self._serve(methods(service, engine), self._ports.get(name, f"{_HOST}:0"))
        self._ports[name] = f"{_HOST}:{self._servers[name][1]}"
        self._await(name)

    def stop(self, name: str) -> None:
        """Stops a service's api."""
        self._servers.pop(name)[0].stop(0)

    def close(self) -> None:
        """Stops all, and drops what it stored."""
        for name in list(self._servers):
            self.stop(name)
        for name in self._client.list_database_names():
            if name.startswith(self._settings.database_prefix):
                self._client.drop_database(name)

    def tenant(self) -> Tenant:
        """A new tenant, and somebody in it who may do everything."""
        return Tenant(self, uuid.uuid4().hex, "users/somebody", Peers(self._settings))

    def _await(self, name: str) -> None:
        """Waits until a service answers again: connections that were refused are not tried at once."""
        request = platform_service_pb2.CheckReferencesRequest(names=[f"{name}/none"])
        deadline = time.monotonic() + 10
        while True:
            try:
                self.tenant().call(_PLATFORM.full_name + "/CheckReferences", request, service=name)
                return
            except Unavailable:
                assert time.monotonic() < deadline, f"{name} does not answer"
                time.sleep(0.05)

    def _serve(self, by_service: Any, address: str = f"{_HOST}:0") -> tuple[Server, int]:
        server = Server(by_service, Verifier(_Keys(), _no_api_keys), threads=8)
        return server, server.start(address)


@dataclass(frozen=True)
class Tenant:
    """Calls methods over gRPC as `subject` of one tenant, and delivers events to workers."""

    world: World
    name: str
    subject: str
    peers: Peers

    def call(self, method: str, request: Any, service: str = "") -> Any:
        """Calls `kith.sales.v1.LeadService/CreateLead`; errors are the service's KithErrors."""
        return self.peers.call(method, request, _response(method), self._call(), service=service)

    def as_user(self, subject: str) -> Tenant:
        """Somebody else in the same tenant."""
        return Tenant(self.world, self.name, subject, self.peers)

    def user(self, name: str, *permissions: str) -> User:
        """A new user whose one role grants `permissions`; nobody has heard of it yet."""
        author = Author(self.name, "services/identity")
        role = Role(display_name=name, key=uuid.uuid4().hex[:12], permissions=permissions)
        made = self.world.identity.write(author, lambda tx: tx.create(_copy(role)))
        user = User(display_name=name, email=f"{uuid.uuid4().hex[:12]}@example.com", roles=[made.name])
        created: User = self.world.identity.write(author, lambda tx: tx.create(_copy(user)))
        return created

    def changes(self, service: str, **query: Any) -> list[dict[str, Any]]:
        """What changed in this tenant in a service, oldest first."""
        store = self.world.identity if service == "identity" else self.world.stores[service]
        return list(store.database[COLLECTION].find({"tenant": self.name, **query}).sort("_id"))

    def verbs(self, record: str, service: str) -> list[str]:
        """What happened to a record."""
        return [change["verb"] for change in self.changes(service, record=record)]

    def deliver(self, to: str, handlers: Handlers, changes: Iterable[Mapping[str, Any]]) -> None:
        """Hands events of these changes to a service's handlers, as its worker does."""
        deliveries = Deliveries(to, self.world.stores[to], handlers, f"{to}.events.v1", lambda _seconds: True)
        for change in changes:
            body = events.encode(events.cloud_event(_type_of(change["kind"]), change))
            # A handler that fails would be put aside, for which there is no broker here: the test fails.
            assert deliveries.handle(AmqpMessage(body), Failures(to, (), None))  # type: ignore[arg-type]

    def _call(self) -> Call:
        now = time.time()
        claims = tokens.Claims(self.name, self.subject, ("*",), (), now + 300)
        token = tokens.write(claims, _KID, _KEY, now)
        return Call(Principal(self.name, self.subject, ("*",), (), token), seconds_left=20)


_PLATFORM = platform_service_pb2.DESCRIPTOR.services_by_name["PlatformService"]


def _response(method: str) -> Any:
    service, _, rpc = method.partition("/")
    found = next(descriptor for descriptor in protos.services() if descriptor.full_name == service)
    return GetMessageClass(found.methods_by_name[rpc].output_type)


def _type_of(kind: str) -> RecordType:
    kinds = (RecordType.of(protos.message_class(descriptor)) for descriptor in protos.records())
    return next(found for found in kinds if found.kind == kind)


def _copy(message: Any) -> Any:
    copied = type(message)()
    copied.CopyFrom(message)
    return copied
