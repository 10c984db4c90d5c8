"""Who is calling: an `Authorization` header becomes a `Principal`, checked here with cached keys.

A JWT is verified once and remembered until it ends. An API key is exchanged at identity for such a token, which is
remembered until shortly before it ends and forwarded in the key's place. What is revoked meanwhile (a deleted key, a
deactivated user) works until its token ends: five minutes and the leeway at most (docs/security.md).
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from services.chassis import tokens
from services.chassis.errors import KithError, Unauthenticated, Unavailable
from services.chassis.permissions import grants
from services.chassis.tokens import KeySource, UnknownKey

API_KEY_PREFIX = "kith_"
REMEMBERED = 10_000
"""So many tokens, and so many API keys, are remembered by a process."""
EARLY_SECONDS = 30
"""An API key is exchanged again so long before its token ends."""
REFUSED_SECONDS = 10
"""An API key that identity refused is not asked about again for so long."""
AWAY_SECONDS = 1
"""Nor is any key, after identity did not answer."""
MAX_HEADER_CHARACTERS = tokens.MAX_TOKEN_CHARACTERS + 16

Exchange = Callable[[str], str]
"""API key to access token. Raises Unauthenticated when the key is not valid, Unavailable when nobody can tell."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose proof was checked. `token` is an access token to forward to other services."""

    tenant: str
    subject: str
    permissions: tuple[str, ...]
    roles: tuple[str, ...] = ()
    token: str = field(default="", repr=False, compare=False)
    granted: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "granted", frozenset(self.permissions))

    def may(self, permission: str) -> bool:
        """Whether the caller holds `permission`, directly or by a pattern."""
        return grants(self.granted, permission)


class Verifier:
    """Checks callers for one process. Safe to share between threads."""

    def __init__(self, keys: KeySource, exchange: Exchange, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._exchange = exchange
        self._clock = clock
        self._tokens: _Remembered[_Checked] = _Remembered(REMEMBERED)
        self._api_keys: _Remembered[Principal] = _Remembered(REMEMBERED)
        self._refused: _Remembered[KithError] = _Remembered(REMEMBERED)
        self._flights = _Flights()

    def verify(self, authorization: str) -> Principal:
        """The caller behind an `Authorization` header; may ask identity when something is new to this process.

        Raises:
            Unauthenticated: there is no valid proof.
            Unavailable: identity is needed and away.
        """
        proof = _proof(authorization)
        if proof.startswith(API_KEY_PREFIX):
            return self._by_api_key(proof)
        return self._by_token(proof).principal

    def known(self, authorization: str) -> Principal | None:
        """As `verify`, but never waits: None means that only `verify`, in a thread, can tell.

        Raises:
            Unauthenticated: there is no valid proof, which is certain without asking.
        """
        proof = _proof(authorization)
        if proof.startswith(API_KEY_PREFIX):
            return self._remembered_api_key(_digest(proof))
        try:
            return self._read(proof).principal
        except UnknownKey:
            return None

    def _by_token(self, token: str) -> _Checked:
        try:
            return self._read(token)
        except UnknownKey:
            self._keys.refresh()
            return self._read(token)

    def _read(self, token: str) -> _Checked:
        digest, now = _digest(token), self._clock()
        checked = self._tokens.get(digest, now)
        if checked is None:
            claims = tokens.read(token, self._keys, now)
            principal = Principal(claims.tenant, claims.subject, claims.permissions, claims.roles, token)
            checked = _Checked(principal, claims.expires)
            self._tokens.put(digest, checked, claims.expires + tokens.LEEWAY_SECONDS)
        return checked

    def _by_api_key(self, api_key: str) -> Principal:
        digest = _digest(api_key)
        principal = self._remembered_api_key(digest)
        if principal is not None:
            return principal
        with self._flights.one(digest):
            return self._remembered_api_key(digest) or self._exchanged(api_key, digest)

    def _remembered_api_key(self, digest: bytes) -> Principal | None:
        now = self._clock()
        principal = self._api_keys.get(digest, now + EARLY_SECONDS)
        if principal is not None:
            return principal
        refusal = self._refused.get(digest, now)
        if refusal is None:
            return None
        if isinstance(refusal, Unavailable) and (principal := self._api_keys.get(digest, now)):
            return principal
        raise type(refusal)(refusal.message, reason=refusal.reason)

    def _exchanged(self, api_key: str, digest: bytes) -> Principal:
        try:
            checked = self._by_token(self._exchange(api_key))
        except (Unauthenticated, Unavailable) as refusal:
            # Those who wait for the same answer get it too, instead of asking one after the other.
            seconds = AWAY_SECONDS if isinstance(refusal, Unavailable) else REFUSED_SECONDS
            self._refused.put(digest, refusal, self._clock() + seconds)
            principal = self._remembered_api_key(digest)
            if principal is None:
                raise
            return principal
        self._api_keys.put(digest, checked.principal, checked.expires)
        return checked.principal


@dataclass(frozen=True, slots=True)
class _Checked:
    """A caller, and when its token ends in seconds since 1970."""

    principal: Principal
    expires: float


def _proof(authorization: str) -> str:
    """The credential of a `Bearer` header (RFC 6750)."""
    if not authorization:
        raise Unauthenticated("send `Authorization: Bearer` with an access token or an API key", reason="TOKEN_MISSING")
    scheme, _, proof = authorization.partition(" ")
    proof = proof.strip(" ")
    if scheme.lower() != "bearer" or not proof or len(authorization) > MAX_HEADER_CHARACTERS:
        raise _malformed()
    if not proof.isascii() or not proof.isprintable() or " " in proof:
        raise _malformed()
    return proof


def _malformed() -> Unauthenticated:
    return Unauthenticated(
        "the Authorization header is not `Bearer` and one access token or API key", reason="TOKEN_INVALID"
    )


def _digest(proof: str) -> bytes:
    """What a proof is remembered by, so that this table holds no API keys."""
    return hashlib.sha256(proof.encode()).digest()


_Value = TypeVar("_Value")


class _Remembered(Generic[_Value]):
    """Values until their deadlines, at most `size` of them: the least recently used goes first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, tuple[_Value, float]] = OrderedDict()

    def get(self, digest: bytes, now: float) -> _Value | None:
        with self._lock:
            entry = self._entries.get(digest)
            if entry is None or now > entry[1]:
                return None
            self._entries.move_to_end(digest)
            return entry[0]

    def put(self, digest: bytes, value: _Value, deadline: float) -> None:
        with self._lock:
            self._entries[digest] = (value, deadline)
            self._entries.move_to_end(digest)
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)


class _Flights:
    """Lets one thread at a time ask about the same thing; the others then find the answer remembered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[bytes, tuple[threading.Lock, int]] = {}

    def one(self, digest: bytes) -> _Flight:
        return _Flight(self, digest)

    def enter(self, digest: bytes) -> None:
        with self._lock:
            flight, users = self._waiting.get(digest, (threading.Lock(), 0))
            self._waiting[digest] = (flight, users + 1)
        flight.acquire()

    def leave(self, digest: bytes) -> None:
        with self._lock:
            flight, users = self._waiting.pop(digest)
            if users > 1:
                self._waiting[digest] = (flight, users - 1)
        flight.release()


class _Flight:
    def __init__(self, flights: _Flights, digest: bytes) -> None:
        self._flights = flights
        self._digest = digest

    def __enter__(self) -> None:
        self._flights.enter(self._digest)

    def __exit__(self, *_: object) -> None:
        self._flights.leave(self._digest)
