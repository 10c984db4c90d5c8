"""Signing in, staying signed in, signing out."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from kith.identity.v1.user_pb2 import USER_STATE_DEACTIVATED, User

from services.chassis import telemetry
from services.chassis.errors import Unauthenticated
from services.chassis.resources.bson_codec import to_timestamp
from services.chassis.resources.changes import Author
from services.chassis.resources.schema import RecordType
from services.chassis.resources.store import Store
from services.chassis.resources.transaction import Transaction
from services.identity.access import Access, Inactive, Issued
from services.identity.attempts import Attempts
from services.identity.passwords import Credentials, Hasher
from services.identity.records import SLUGS
from services.identity.sessions import OpenSession, Sessions, refused

_USERS = RecordType.of(User).collection


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session with its first or next tokens."""

    session: OpenSession
    issued: Issued
    user: User


@dataclass(frozen=True, slots=True)
class _Candidate:
    """Who somebody claims to be; empty texts and no hash when there is no such user."""

    tenant: str
    user_id: str
    password_hash: str | None


class SigningIn:
    """Sessions over the store. Safe to share between threads."""

    def __init__(self, store: Store, access: Access, hasher: Hasher) -> None:
        self._store = store
        self._access = access
        self._hasher = hasher
        self._attempts = Attempts(store.database)
        self._credentials = Credentials(store.database)
        self._sessions = Sessions(store.database)

    def sign_in(self, tenant_slug: str, email: str, password: str, address: str) -> SignedIn:
        """Begins a session. All that can be wrong takes as long and is answered in the same words.

        Raises:
            Unauthenticated: something is wrong.
            ResourceExhausted: too many attempts.
        """
        self._attempts.admit_address(address)
        self._attempts.admit_user(tenant_slug, email)
        candidate = self._candidate(tenant_slug, email)
        if not self._hasher.matches(candidate.password_hash, password):
            raise _refused()
        signed_in = self._begin(candidate)
        self._attempts.succeeded(tenant_slug, email, address)
        if self._hasher.is_outdated(candidate.password_hash or ""):
            self._credentials.put(candidate.tenant, candidate.user_id, self._hasher.hash(password))
        return signed_in

    def refresh(self, refresh_token: str) -> SignedIn:
        """The next tokens of a session, with what the user may do now.

        Raises:
            Unauthenticated: the session has ended, or its user may not act any more.
        """
        session = self._sessions.refresh(refresh_token)
        try:
            user = self._access.active_user(session.tenant, session.user)
        except Inactive as error:
            self._sessions.end_all(session.tenant, session.user)
            raise refused() from error
        return SignedIn(session, self._access.for_user(session.tenant, user), user)

    def sign_out(self, refresh_token: str) -> None:
        """Ends a session; there may be none."""
        self._sessions.end(refresh_token)

    def _candidate(self, tenant_slug: str, email: str) -> _Candidate:
        """As many queries for who does not exist as for who does."""
        database = self._store.database
        tenant = (database[SLUGS].find_one({"_id": tenant_slug.strip().lower()}) or {}).get("tenant", "")
        query = {"tenant": tenant, "email": email.strip().lower(), "delete_time": None}
        user_id = (database[_USERS].find_one(query, {"_id": 1}) or {}).get("_id", "")
        return _Candidate(tenant, user_id, self._credentials.find(tenant, user_id))

    def _begin(self, candidate: _Candidate) -> SignedIn:
        """Notes the sign-in and begins the session.

        Noting writes the user's record, as setting a password and deactivating do: whichever commits first, the
        other sees it. So no session outlives what should have ended it.
        """
        name = f"users/{candidate.user_id}"
        author = Author(candidate.tenant, name, telemetry.current_traceparent())

        def work(tx: Transaction) -> tuple[User, OpenSession]:
            if self._credentials.find(tx.tenant, candidate.user_id, tx.session) != candidate.password_hash:
                raise _refused()
            user = tx.update(User, name, lambda user: _note_sign_in(user, tx.now), verb="signed_in")
            return user, self._sessions.begin(tx.tenant, name, tx.session)

        try:
            self._access.active_user(candidate.tenant, name)
        except Inactive as error:
            raise _refused() from error
        user, session = self._store.transact(author, work)
        return SignedIn(session, self._access.for_user(candidate.tenant, user), user)


def _note_sign_in(user: User, now: datetime.datetime) -> None:
    if user.state == USER_STATE_DEACTIVATED:
        raise _refused()
    user.sign_in_time.CopyFrom(to_timestamp(now))


def _refused() -> Unauthenticated:
    return Unauthenticated("tenant, e-mail address or password is wrong", reason="SIGN_IN_REFUSED")
