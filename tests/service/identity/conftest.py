"""Identity's real gRPC server over a real MongoDB, and tenants of a test's own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from kith.identity.v1.role_pb2 import Role
from kith.identity.v1.user_pb2 import User

from cli.local.plan import Addresses
from services.chassis import mongo
from services.chassis.api import methods
from services.chassis.peers import Peers
from services.chassis.principal import Verifier
from services.chassis.resources.store import Store
from services.chassis.server import Server
from services.chassis.service import Engine
from services.chassis.settings import Settings
from services.identity import signing
from services.identity.access import Access
from services.identity.api import SERVICE
from services.identity.bootstrap import Made, Wanted, bootstrap
from services.identity.signing import Keyring
from tests.service.identity.client import Client

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Running:
    """A running identity."""

    settings: Settings
    store: Store
    keyring: Keyring
    address: str


@dataclass(frozen=True)
class Tenancy:
    """A tenant with its administrator."""

    made: Made
    running: Running
    anonymous: Client
    admin: Client

    @property
    def tenant(self) -> str:
        """The tenant's id."""
        return self.made.tenant_name.partition("/")[2]

    def sign_in(self, email: str = "", password: str = PASSWORD) -> object:
        """Signs somebody in, the administrator if not said otherwise."""
        return self.anonymous.SignIn(tenant=self.made.tenant, email=email or self.made.email, password=password)

    def role(self, *permissions: str) -> Role:
        """A new role."""
        key = f"role-{uuid.uuid4().hex[:8]}"
        made: Role = self.admin.CreateRole(role=Role(key=key, display_name=key, permissions=permissions))
        return made

    def user(self, *permissions: str) -> tuple[User, Client]:
        """A new user who may do just that, and a client that has the user's API key."""
        email = f"{uuid.uuid4().hex[:8]}@example.org"
        roles = [self.role(*permissions).name] if permissions else []
        user: User = self.admin.CreateUser(user=User(display_name="Somebody", email=email, roles=roles))
        access = Access(self.running.store, self.running.keyring, 300)
        return user, self.anonymous.with_proof(access.for_user(self.tenant, user).access_token)


@pytest.fixture(scope="session")
def identity(servers: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The server, as its process runs it."""
    folder: Path = tmp_path_factory.mktemp("keys")
    signing.generate(folder)
    settings = Settings(
        listen="", mongodb_uri=servers.mongodb, database_prefix="identity_tests_", signing_keys=str(folder)
    )
    with mongo.connect(settings) as client:
        store = SERVICE.store(client, settings)
        store.migrate()
        keyring = Keyring(folder)
        access = Access(store, keyring, settings.token_seconds)
        engine = Engine(settings, store, Peers(settings))
        verifier = Verifier(keyring, lambda api_key: access.for_api_key(api_key).access_token)
        server = Server(methods(SERVICE, engine), verifier, threads=8)
        port = server.start("127.0.0.1:0")
        yield Running(settings, store, keyring, f"127.0.0.1:{port}")
        server.stop(grace_seconds=1)


@pytest.fixture
def make_tenancy(identity: Running) -> Iterator[object]:
    """Makes tenants."""
    with grpc.insecure_channel(identity.address) as channel:

        def make() -> Tenancy:
            slug = f"t-{uuid.uuid4().hex[:12]}"
            made = bootstrap(identity.store, Wanted(slug, "A company", f"admin@{slug}.example", PASSWORD))
            anonymous = Client(channel, address=slug)
            return Tenancy(made, identity, anonymous, anonymous.with_proof(made.api_key))

        yield make


@pytest.fixture
def tenancy(make_tenancy: object) -> Tenancy:
    """A tenant of the test's own."""
    made: Tenancy = make_tenancy()  # type: ignore[operator]  # pytest fixtures are not typed
    return made
