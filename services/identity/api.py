"""The gRPC services of identity: sessions, tokens, and what its records need beyond the standard methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp
from kith.identity.v1 import api_key_service_pb2 as api_key_pb
from kith.identity.v1 import role_service_pb2 as role_pb
from kith.identity.v1 import session_service_pb2 as session_pb
from kith.identity.v1 import token_service_pb2 as token_pb
from kith.identity.v1 import user_service_pb2 as user_pb
from kith.identity.v1.api_key_pb2 import ApiKey
from kith.identity.v1.role_pb2 import Role
from kith.identity.v1.tenant_pb2 import Tenant
from kith.identity.v1.user_pb2 import User

from services.chassis.call import Call
from services.chassis.errors import FailedPrecondition
from services.chassis.resources.bson_codec import to_timestamp
from services.chassis.resources.changes import new_id
from services.chassis.resources.mask import clear_output_only
from services.chassis.resources.requests import Request
from services.chassis.resources.schema import RecordType
from services.chassis.resources.store import Store
from services.chassis.resources.transaction import Transaction
from services.chassis.service import Engine, Service
from services.identity import sessions
from services.identity.access import Access
from services.identity.passwords import Hasher
from services.identity.records import API_KEY_SECRETS, RECORDS, require_no_excess
from services.identity.rules import proofs
from services.identity.signing import Keyring
from services.identity.signing_in import SignedIn, SigningIn
from services.identity.user_passwords import UserPasswords


class TokenService:
    """Exchanges API keys, and publishes the public keys."""

    def __init__(self, access: Access, keyring: Keyring) -> None:
        self._access = access
        self._keyring = keyring

    def ExchangeApiKey(self, request: token_pb.ExchangeApiKeyRequest, _call: Call) -> token_pb.ExchangeApiKeyResponse:
        """An access token for an API key."""
        issued = self._access.for_api_key(request.api_key)
        claims = issued.claims
        return token_pb.ExchangeApiKeyResponse(
            access_token=issued.access_token,
            expire_time=Timestamp(seconds=int(claims.expires)),
            tenant=claims.tenant,
            subject=claims.subject,
            permissions=claims.permissions,
            roles=claims.roles,
        )

    def ListSigningKeys(
        self, _request: token_pb.ListSigningKeysRequest, _call: Call
    ) -> token_pb.ListSigningKeysResponse:
        """The public keys."""
        return token_pb.ListSigningKeysResponse(keys=self._keyring.published())


class SessionService:
    """Sessions of people."""

    def __init__(self, signing_in: SigningIn) -> None:
        self._signing_in = signing_in

    def SignIn(self, request: session_pb.SignInRequest, call: Call) -> session_pb.Session:
        """Begins a session."""
        return _session(self._signing_in.sign_in(request.tenant, request.email, request.password, call.address))

    def RefreshSession(self, request: session_pb.RefreshSessionRequest, _call: Call) -> session_pb.Session:
        """Goes on with a session."""
        return _session(self._signing_in.refresh(request.refresh_token))

    def SignOut(self, request: session_pb.SignOutRequest, _call: Call) -> session_pb.SignOutResponse:
        """Ends a session."""
        self._signing_in.sign_out(request.refresh_token)
        return session_pb.SignOutResponse()


class UserService:
    """What users need beyond the standard methods."""

    def __init__(self, store: Store, passwords: UserPasswords) -> None:
        self._store = store
        self._passwords = passwords

    def SetPassword(self, request: user_pb.SetPasswordRequest, call: Call) -> User:
        """Sets somebody's password."""
        return self._passwords.set(call.author(), request.name, request.password)

    def ChangePassword(self, request: user_pb.ChangePasswordRequest, call: Call) -> User:
        """Changes the caller's password."""
        return self._passwords.change(call.author(), request.current_password, request.new_password)

    def GetMe(self, _request: user_pb.GetMeRequest, call: Call) -> user_pb.Me:
        """Who the caller is."""
        principal = call.principal
        return user_pb.Me(
            user=self._store.get(User, principal.tenant, principal.subject),
            tenant=self._store.get(Tenant, principal.tenant, f"tenants/{principal.tenant}"),
            permissions=principal.permissions,
        )

    def DeleteUser(self, request: user_pb.DeleteUserRequest, call: Call) -> User:
        """Deletes a user and ends the sessions, for good: an undeleted user signs in again."""

        def work(tx: Transaction) -> User:
            sessions.Sessions(self._store.database).end_all(tx.tenant, request.name, tx.session)
            return tx.delete(User, request.name, etag=request.etag)

        return self._store.write(call.author(), work, Request.of("DeleteUser", request, User))


class RoleService:
    """The one standard method of roles that could grant something."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def UndeleteRole(self, request: role_pb.UndeleteRoleRequest, call: Call) -> Role:
        """Brings a role back for who holds everything in it."""

        def work(tx: Transaction) -> Role:
            role = tx.undelete(Role, request.name, etag=request.etag)
            require_no_excess(tx, role.permissions, "this role allows")
            return role

        return self._store.write(call.author(), work, Request.of("UndeleteRole", request, Role))


class ApiKeyService:
    """API keys: their secrets are answered once, checked by their hashes, and gone when the key is deleted."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def CreateApiKey(self, request: api_key_pb.CreateApiKeyRequest, call: Call) -> ApiKey:
        """Creates one; the secret is in the answer to the first request only."""
        repeated = Request.of("CreateApiKey", request, ApiKey)
        new = [NewApiKey(request.api_key)]
        created = self._store.write(call.author(), lambda tx: create_api_keys(tx, new)[0], repeated)
        _reveal([created], new)
        return created

    def BatchCreateApiKeys(
        self, request: api_key_pb.BatchCreateApiKeysRequest, call: Call
    ) -> api_key_pb.BatchCreateApiKeysResponse:
        """Creates several, all or none."""
        repeated = Request.of("BatchCreateApiKeys", request, api_key_pb.BatchCreateApiKeysResponse)
        new = [NewApiKey(item.api_key) for item in request.requests]

        def work(tx: Transaction) -> api_key_pb.BatchCreateApiKeysResponse:
            places = [f"requests[{index}].api_key" for index in range(len(new))]
            return api_key_pb.BatchCreateApiKeysResponse(api_keys=create_api_keys(tx, new, places))

        response = self._store.write(call.author(), work, repeated)
        _reveal(response.api_keys, new)
        return response

    def DeleteApiKey(self, request: api_key_pb.DeleteApiKeyRequest, call: Call) -> ApiKey:
        """Deletes one, and the hash by which its secret was known."""

        def work(tx: Transaction) -> ApiKey:
            identifier = request.name.partition("/")[2]
            deleted = tx.delete(ApiKey, request.name, etag=request.etag)
            tx.collection(API_KEY_SECRETS).delete_one({"_id": identifier, "tenant": tx.tenant}, session=tx.session)
            return deleted

        return self._store.write(call.author(), work, Request.of("DeleteApiKey", request, ApiKey))

    def UndeleteApiKey(self, request: api_key_pb.UndeleteApiKeyRequest, call: Call) -> ApiKey:
        """Refuses, for a key that is there."""
        self._store.get(ApiKey, call.principal.tenant, request.name)
        raise FailedPrecondition("a deleted API key stays revoked: create a new one", reason="API_KEY_REVOKED")


class NewApiKey:
    """An API key to create, with an id and a secret of its own."""

    def __init__(self, wanted: ApiKey) -> None:
        self.record = ApiKey()
        self.record.CopyFrom(wanted)
        clear_output_only(RecordType.of(ApiKey), self.record)
        self.identifier = new_id()
        self.secret = proofs.new(proofs.API_KEY, self.identifier)
        self.record.prefix = proofs.visible(proofs.API_KEY, self.identifier)


def create_api_keys(tx: Transaction, new: Sequence[NewApiKey], places: Sequence[str] = ()) -> list[ApiKey]:
    """Stores API keys and the hashes of their secrets in one transaction; the secrets themselves nowhere."""
    records = [ApiKey() for _ in new]
    for record, key in zip(records, new, strict=True):
        record.CopyFrom(key.record)
    created = tx.create_all(records, identifiers=[key.identifier for key in new], places=places)
    tx.collection(API_KEY_SECRETS).insert_many(
        [{"_id": key.identifier, "tenant": tx.tenant, "digest": proofs.digest(key.secret)} for key in new],
        session=tx.session,
    )
    return created


def _reveal(created: Sequence[ApiKey], new: Sequence[NewApiKey]) -> None:
    """Adds the secrets of the keys that were created just now; the answer to a repeated request has others."""
    by_name = {f"apiKeys/{key.identifier}": key.secret for key in new}
    for key in created:
        key.secret = by_name.get(key.name, "")


def _session(signed_in: SignedIn) -> session_pb.Session:
    return session_pb.Session(
        access_token=signed_in.issued.access_token,
        refresh_token=signed_in.session.refresh_token,
        expire_time=Timestamp(seconds=int(signed_in.issued.claims.expires)),
        session_expire_time=to_timestamp(signed_in.session.expire_time),
        user=signed_in.user,
        permissions=signed_in.issued.claims.permissions,
    )


def _custom(engine: Engine) -> Mapping[str, object]:
    keyring = Keyring(Path(engine.settings.signing_keys))
    access = Access(engine.store, keyring, engine.settings.token_seconds)
    hasher = Hasher()
    signing_in = SigningIn(engine.store, access, hasher)
    return {
        "TokenService": TokenService(access, keyring),
        "SessionService": SessionService(signing_in),
        "UserService": UserService(engine.store, UserPasswords(engine.store, hasher)),
        "RoleService": RoleService(engine.store),
        "ApiKeyService": ApiKeyService(engine.store),
    }


SERVICE = Service("identity", RECORDS, _custom)
