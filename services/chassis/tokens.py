"""Access tokens: JWTs signed with Ed25519 (RFC 7519, RFC 8037, RFC 9864), made by identity, verified by everybody.

One algorithm, one issuer, one audience. The header may hold `alg`, `kid` and `typ` and nothing else, so that no
token can choose how or with which key it is checked.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Protocol

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from services.chassis.errors import Unauthenticated

ALGORITHM = "Ed25519"
ISSUER = "kith"
AUDIENCE = "kith"
LEEWAY_SECONDS = 10
"""How far clocks may differ; a token works so much longer than it says."""
MAX_TOKEN_CHARACTERS = 16_384

_HEADER_MEMBERS = frozenset({"alg", "kid", "typ"})
_MAX_KID_CHARACTERS = 100


class KeySource(Protocol):
    """Where the public keys come from. Both methods may be called by many threads at once."""

    def find(self, kid: str) -> OKPKey | None:
        """The key of that id if it is known here; never waits."""

    def refresh(self) -> None:
        """Learns the present keys; may wait for the network.

        Raises:
            Unavailable: the keys cannot be had now.
        """


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. `expires` is in seconds since 1970."""

    tenant: str
    subject: str
    permissions: tuple[str, ...]
    roles: tuple[str, ...]
    expires: float


class UnknownKey(Unauthenticated):
    """The token names a key that is not known here (yet)."""


def key_id(token: str) -> str:
    """The `kid` of a token, after its header has been checked.

    Raises:
        Unauthenticated: the text is no token, or its header holds anything but what ours do.
    """
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise _refused("it is too long")
    header = _header(token)
    kid = header.get("kid")
    if header.get("alg") != ALGORITHM or not header.keys() <= _HEADER_MEMBERS:
        raise _refused("its header is not one of ours")
    if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID_CHARACTERS:
        raise _refused("it names no key")
    return kid


def read(token: str, keys: KeySource, now: float) -> Claims:
    """Verifies signature, issuer, audience and times of a token; never waits (about 100 µs).

    Raises:
        UnknownKey: the key is not known here.
        Unauthenticated: anything else is wrong.
    """
    key = keys.find(key_id(token))
    if key is None:
        raise UnknownKey("the access token is signed with an unknown key", reason="TOKEN_INVALID")
    try:
        payload = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError) as error:
        raise _refused("its signature does not verify") from error
    return _claims(payload, now)


def write(claims: Claims, kid: str, key: OKPKey, now: float) -> str:
    """Signs a token that is valid from `now` until the claims expire."""
    payload: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": claims.subject,
        "tenant": claims.tenant,
        "permissions": list(claims.permissions),
        "roles": list(claims.roles),
        "iat": int(now),
        "nbf": int(now),
        "exp": int(claims.expires),
    }
    return jwt.encode({"alg": ALGORITHM, "kid": kid}, payload, key, algorithms=[ALGORITHM])


def _header(token: str) -> dict[str, Any]:
    segment, *rest = token.split(".")
    if len(rest) != 2:
        raise _refused("it is not a signed JWT")
    try:
        header = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _refused("its header cannot be read") from error
    if not isinstance(header, dict):
        raise _refused("its header is no object")
    return header


def _claims(payload: dict[str, Any], now: float) -> Claims:
    if payload.get("iss") != ISSUER or payload.get("aud") != AUDIENCE:
        raise _refused("it was not made by or for this platform")
    expires, begins = payload.get("exp"), payload.get("nbf")
    if type(expires) is not int or type(begins) is not int:
        raise _refused("it has no times")
    if now > expires + LEEWAY_SECONDS:
        raise Unauthenticated("the access token has expired", reason="TOKEN_EXPIRED")
    if now < begins - LEEWAY_SECONDS:
        raise _refused("it is not valid yet")
    tenant, subject = payload.get("tenant"), payload.get("sub")
    if not isinstance(tenant, str) or not tenant or not isinstance(subject, str) or not subject:
        raise _refused("it names nobody")
    return Claims(tenant, subject, _texts(payload, "permissions"), _texts(payload, "roles"), float(expires))


def _texts(payload: dict[str, Any], name: str) -> tuple[str, ...]:
    values = payload.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _refused(f"its {name} are not texts")
    return tuple(values)


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(f"the access token is not valid: {why}", reason="TOKEN_INVALID")
