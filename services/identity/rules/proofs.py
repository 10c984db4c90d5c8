"""API keys and refresh tokens as texts: `kith_<id>_<secret>` and `refresh_<id>_<secret>`.

The id says which one it is, the secret is 256 random bits. Only a SHA-256 of the whole is stored: with that many
bits there is nothing to guess, so a slow hash would gain nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import uuid
from dataclasses import dataclass

API_KEY = "kith"
REFRESH_TOKEN = "refresh"

_SECRET_BYTES = 32
_PROOF = re.compile(r"(kith|refresh)_([0-9a-f]{32})_([a-z2-7]{52})")


@dataclass(frozen=True, slots=True)
class Proof:
    """A parsed proof: `identifier` is that of its record (a UUID with dashes), `digest` what is stored."""

    kind: str
    identifier: str
    digest: str


def new(kind: str, identifier: str) -> str:
    """A new secret text for the record `identifier` (a UUID)."""
    secret = base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode().rstrip("=").lower()
    return f"{visible(kind, identifier)}{secret}"


def visible(kind: str, identifier: str) -> str:
    """The part that may be shown, by which people recognise it."""
    return f"{kind}_{uuid.UUID(identifier).hex}_"


def parse(kind: str, text: str) -> Proof | None:
    """What a text proves if its secret is right; None when it is no proof of that kind."""
    match = _PROOF.fullmatch(text)
    if match is None or match[1] != kind:
        return None
    return Proof(kind, str(uuid.UUID(match[2])), digest(text))


def digest(text: str) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()
