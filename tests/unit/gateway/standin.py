"""A small platform behind the gateway: a real gRPC server of the chassis whose contacts live in a dictionary.

It lets a test choose what a service answers; everything between the HTTP client and the method is the real thing.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from joserfc.jwk import OKPKey
from kith.contact.v1 import contact_pb2, contact_service_pb2
from kith.identity.v1 import session_service_pb2, token_service_pb2
from kith.type.v1 import platform_service_pb2

from services.chassis import errors, tokens
from services.chassis.call import Call
from services.chassis.identity import imported
from services.chassis.principal import Verifier
from services.chassis.server import Server
from services.chassis.settings import Settings

API_KEY = "kith_demo_0123456789"
READER_KEY = "kith_reader_0123456789"
EVERYTHING = ("*",)
_ANYWHERE = Settings(listen="127.0.0.1:0")


class StandIn:
    """Contacts, tokens and an event log on one port."""

    def __init__(self, settings: Settings = _ANYWHERE, key: OKPKey | None = None) -> None:
        """`key` signs tokens; several that stand for one service share it."""
        self.contacts: dict[str, contact_pb2.Contact] = {}
        self.requests: list[Any] = []
        self.metadata: list[dict[str, str]] = []
        self.events: list[str] = []
        self.exchanges = 0
        self.delay_seconds = 0.0
        self.failure: Callable[[], Exception | None] | None = None
        self._key = key or OKPKey.generate_key("Ed25519")
        self._lock = threading.Lock()
        self._server = Server(self._methods(), Verifier(self, self.exchange), 8, settings)
        host = settings.listen.rpartition(":")[0]
        self.address = f"{host}:{self._server.start(settings.listen)}"

    def withdraw(self) -> None:
        """Says that it is going."""
        self._server.withdraw()

    def stop(self, grace_seconds: float = 0.1) -> None:
        """Ends the server."""
        self._server.stop(grace_seconds)

    def find(self, kid: str) -> OKPKey | None:
        """As a key source of the verifier."""
        return imported(self._published()) if kid == "k1" else None

    def refresh(self) -> None:
        """Nothing to learn."""

    def token(self, permissions: tuple[str, ...] = EVERYTHING, tenant: str = "acme", seconds: float = 300) -> str:
        """An access token."""
        now = time.time()
        claims = tokens.Claims(tenant, "users/ada", permissions, (), now + seconds)
        return tokens.write(claims, "k1", self._key, now)

    def exchange(self, api_key: str) -> str:
        """The token of an API key."""
        with self._lock:
            self.exchanges += 1
        time.sleep(0.05)
        if api_key == API_KEY:
            return self.token()
        if api_key == READER_KEY:
            return self.token(("contacts.read",))
        raise errors.Unauthenticated("the API key is not valid", reason="API_KEY_INVALID")

    def _published(self) -> token_service_pb2.SigningKey:
        public = self._key.as_dict(private=False)
        return token_service_pb2.SigningKey(kid="k1", kty="OKP", crv="Ed25519", x=str(public["x"]))

    def _methods(self) -> Any:
        contacts = contact_service_pb2.DESCRIPTOR.services_by_name["ContactService"]
        identity = token_service_pb2.DESCRIPTOR.services_by_name["TokenService"]
        sessions = session_service_pb2.DESCRIPTOR.services_by_name["SessionService"]
        platform = platform_service_pb2.DESCRIPTOR.services_by_name["PlatformService"]
        return {
            contacts: {rpc.name: getattr(self, f"_{rpc.name}", self._unwritten) for rpc in contacts.methods},
            identity: {"ExchangeApiKey": self._exchange, "ListSigningKeys": self._list_keys},
            sessions: dict.fromkeys(("SignIn", "RefreshSession", "SignOut"), self._sign_in),
            platform: {"ListEvents": self._list_events, "CheckReferences": self._unwritten},
        }

    def _seen(self, request: Any) -> None:
        self.requests.append(request)
        if self.delay_seconds:
            time.sleep(self.delay_seconds)
        if self.failure is not None and (error := self.failure()) is not None:
            raise error

    def _unwritten(self, request: Any, call: Call) -> Any:
        raise errors.Unavailable("not here")

    def _exchange(self, request: Any, call: Call) -> Any:
        return token_service_pb2.ExchangeApiKeyResponse(access_token=self.exchange(request.api_key))

    def _list_keys(self, request: Any, call: Call) -> Any:
        return token_service_pb2.ListSigningKeysResponse(keys=[self._published()])

    def _sign_in(self, request: Any, call: Call) -> Any:
        self._seen(request)
        return session_service_pb2.Session(access_token=self.token())

    def _list_events(self, request: Any, call: Call) -> Any:
        found = [event for event in self.events if event[7:43] > request.after]
        return platform_service_pb2.ListEventsResponse(events=found[: request.page_size or 100])

    def _CreateContact(self, request: Any, call: Call) -> Any:
        self._seen(request)
        contact = request.contact
        contact.name = f"contacts/{uuid.uuid4()}"
        contact.etag = "1"
        contact.create_time.CopyFrom(Timestamp(seconds=1_790_000_000, nanos=5_000_000))
        self.contacts[contact.name] = contact
        return contact

    def _GetContact(self, request: Any, call: Call) -> Any:
        self._seen(request)
        return self._found(request.name)

    def _ListContacts(self, request: Any, call: Call) -> Any:
        self._seen(request)
        contacts = list(self.contacts.values())[: request.page_size or 50]
        return contact_service_pb2.ListContactsResponse(contacts=contacts)

    def _UpdateContact(self, request: Any, call: Call) -> Any:
        self._seen(request)
        stored = self._found(request.contact.name)
        if request.contact.etag and request.contact.etag != stored.etag:
            raise errors.Aborted("the record has changed", reason="ETAG_MISMATCH", metadata={"etag": stored.etag})
        changed = contact_pb2.Contact()
        changed.CopyFrom(stored)
        for path in request.update_mask.paths:
            changed.ClearField(path.split(".")[0])
        changed.MergeFrom(request.contact)
        changed.etag = str(int(stored.etag) + 1)
        self.contacts[changed.name] = changed
        return changed

    def _DeleteContact(self, request: Any, call: Call) -> Any:
        self._seen(request)
        return self.contacts.pop(self._found(request.name).name)

    def _BatchGetContacts(self, request: Any, call: Call) -> Any:
        self._seen(request)
        return contact_service_pb2.BatchGetContactsResponse(contacts=[self._found(name) for name in request.names])

    def _BatchCreateContacts(self, request: Any, call: Call) -> Any:
        self._seen(request)
        made = [self._CreateContact(inner, call) for inner in request.requests]
        return contact_service_pb2.BatchCreateContactsResponse(contacts=made)

    def _found(self, name: str) -> contact_pb2.Contact:
        if name not in self.contacts:
            raise errors.NotFound.of(name)
        return self.contacts[name]
