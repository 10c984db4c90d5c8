"""What somebody may do at this moment, read from the store, and the access tokens that say so for five minutes."""

from __future__ import annotations

import datetime
import hmac
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kith.identity.v1.api_key_pb2 import ApiKey
from kith.identity.v1.role_pb2 import Role
from kith.identity.v1.tenant_pb2 import TENANT_STATE_SUSPENDED, Tenant
from kith.identity.v1.user_pb2 import USER_STATE_DEACTIVATED, User

from services.chassis.errors import NotFound, Unauthenticated
from services.chassis.resources.bson_codec import Document, to_datetime
from services.chassis.resources.schema import RecordType
from services.chassis.resources.store import Store, translated
from services.chassis.tokens import Claims
from services.identity.records import API_KEY_SECRETS
from services.identity.rules import proofs
from services.identity.rules.permissions import overlap, union
from services.identity.signing import Keyring

_ROLES = RecordType.of(Role).collection
_API_KEYS = RecordType.of(ApiKey).collection
_USE_STEP = datetime.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Issued:
    """A signed token and what it says."""

    access_token: str
    claims: Claims


class Inactive(Exception):
    """The user or the tenant is gone, deactivated or suspended."""


class Access:
    """Issues tokens. Safe to share between threads; it keeps nothing, so what is revoked is revoked at once here."""

    def __init__(
        self, store: Store, keyring: Keyring, token_seconds: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._token_seconds = token_seconds
        self._clock = clock

    def active_user(self, tenant: str, name: str) -> User:
        """A user who may act at all.

        Raises:
            Inactive: not this one, or nobody in this tenant.
        """
        try:
            organisation = self._store.get(Tenant, tenant, f"tenants/{tenant}")
            user = self._store.get(User, tenant, name)
        except NotFound as error:
            raise Inactive from error
        if organisation.HasField("delete_time") or organisation.state == TENANT_STATE_SUSPENDED:
            raise Inactive
        if user.HasField("delete_time") or user.state == USER_STATE_DEACTIVATED:
            raise Inactive
        return user

    def for_user(self, tenant: str, user: User) -> Issued:
        """A token with all that the user's roles allow."""
        return self._issue(tenant, user, self.permissions(tenant, user.roles), None)

    def permissions(self, tenant: str, roles: Iterable[str]) -> tuple[str, ...]:
        """What roles allow together; deleted ones allow nothing."""
        identifiers = [name.partition("/")[2] for name in roles]
        query = {"_id": {"$in": identifiers}, "tenant": tenant, "delete_time": None}
        with translated():
            found = list(self._store.database[_ROLES].find(query, {"permissions": 1}))
        return union(permission for role in found for permission in role.get("permissions", ()))

    def for_api_key(self, api_key: str) -> Issued:
        """A token for what a key allows, at most what its user may do now.

        Raises:
            Unauthenticated: the key is not valid (any more); always in the same words.
        """
        proof = proofs.parse(proofs.API_KEY, api_key)
        if proof is None:
            raise _refused()
        with translated():
            secret = self._store.database[API_KEY_SECRETS].find_one({"_id": proof.identifier})
        if secret is None or not hmac.compare_digest(secret["digest"], proof.digest):
            raise _refused()
        return self._exchange(secret)

    def _exchange(self, secret: Mapping[str, Any]) -> Issued:
        tenant = secret["tenant"]
        try:
            key = self._store.get(ApiKey, tenant, f"apiKeys/{secret['_id']}")
            user = self.active_user(tenant, key.user)
        except (NotFound, Inactive) as error:
            raise _refused() from error
        ends = key.expire_time.ToSeconds() if key.HasField("expire_time") else None
        if key.HasField("delete_time") or (ends is not None and ends <= self._clock()):
            raise _refused()
        self._note_use(tenant, key)
        allowed = self.permissions(tenant, user.roles)
        return self._issue(tenant, user, overlap(allowed, key.permissions) if key.permissions else allowed, ends)

    def _note_use(self, tenant: str, key: ApiKey) -> None:
        """Notes the use to the hour. It is no change of the record: nobody hears of it and its etag stays."""
        now = datetime.datetime.fromtimestamp(self._clock(), datetime.UTC).replace(tzinfo=None)
        if key.HasField("use_time") and now - to_datetime(key.use_time) < _USE_STEP:
            return
        hour: Document = {"use_time": now.replace(minute=0, second=0, microsecond=0)}
        self._store.database[_API_KEYS].update_one(
            {"_id": key.name.partition("/")[2], "tenant": tenant}, {"$set": hour}
        )

    def _issue(self, tenant: str, user: User, permissions: tuple[str, ...], ends: int | None) -> Issued:
        now = self._clock()
        expires = int(now) + self._token_seconds
        claims = Claims(tenant, user.name, permissions, tuple(user.roles), min(expires, ends or expires))
        return Issued(self._keyring.sign(claims, now), claims)


def _refused() -> Unauthenticated:
    return Unauthenticated("the API key is not valid", reason="API_KEY_INVALID")
