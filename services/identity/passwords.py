"""Hashes passwords with Argon2id (RFC 9106), two at a time, and keeps the hashes apart from the records."""

from __future__ import annotations

import base64
import datetime
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pymongo.client_session import ClientSession
from pymongo.database import Database

from services.chassis.errors import Unavailable
from services.chassis.resources.bson_codec import Document
from services.identity.rules.passwords import normalized

COLLECTION = "credentials"
AT_ONCE = 2
"""A hash takes 64 MiB and a tenth of a second of one core."""
PATIENCE_SECONDS = 5.0
"""Who cannot have a turn in this time is told to come back, and gives its thread to others."""


class Hasher:
    """Argon2id in the library's defaults (RFC 9106, low memory). Safe to share between threads."""

    def __init__(self) -> None:
        self._argon2 = PasswordHasher()
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._nobodys = _nobodys(self._argon2)

    def hash(self, password: str) -> str:
        """The hash to store."""
        with self._turn():
            return self._argon2.hash(normalized(password))

    def matches(self, stored: str | None, password: str) -> bool:
        """Whether it is the password. Without a stored hash it takes as long, and the answer is no."""
        with self._turn():
            try:
                return self._argon2.verify(stored or self._nobodys, normalized(password)) and stored is not None
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._argon2.check_needs_rehash(stored)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=PATIENCE_SECONDS):
            raise Unavailable("too many sign-ins at once: try again", reason="SIGN_IN_BUSY")
        try:
            yield
        finally:
            self._turns.release()


def _nobodys(argon2: PasswordHasher) -> str:
    """A hash that no password has, with today's parameters: checking against it takes as long as any check."""
    salt, digest = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={argon2.memory_cost},t={argon2.time_cost},p={argon2.parallelism}${salt}${digest}"


class Credentials:
    """The password hashes, one document per user: `{_id: user id, tenant, password_hash, time}`."""

    def __init__(self, database: Database[Document]) -> None:
        self._collection = database[COLLECTION]

    def find(self, tenant: str, user_id: str, session: ClientSession | None = None) -> str | None:
        """The stored hash; None for a user without a password."""
        document = self._collection.find_one({"_id": user_id, "tenant": tenant}, session=session)
        return str(document["password_hash"]) if document else None

    def put(self, tenant: str, user_id: str, password_hash: str, session: ClientSession | None = None) -> None:
        """Stores a hash in place of the one before."""
        now = datetime.datetime.now(datetime.UTC)
        document = {"tenant": tenant, "password_hash": password_hash, "time": now}
        self._collection.replace_one({"_id": user_id, "tenant": tenant}, document, upsert=True, session=session)
