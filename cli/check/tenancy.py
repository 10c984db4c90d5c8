"""A tenant for checks, and an API key of it that lasts as long as the check."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

import httpx

from cli.check.api import Api
from cli.check.expectation import Unmet
from services.chassis import mongo
from services.chassis.settings import SettingError, Settings
from services.identity.api import SERVICE
from services.identity.bootstrap import Wanted, bootstrap
from services.identity.rules import proofs

_REVOKING_SECONDS = 5.0
EMAIL = "check@kith.example"
"""The check's own administrator: in a tenant that others use, nobody else's password changes."""


def api_key(slug: str, environment: Mapping[str, str]) -> str:
    """A new API key of the tenant, which is made if it is missing, through identity's database (MONGODB_URI).

    Its administrator gets another random password each time, which nobody needs to know.

    Raises:
        SettingError: MONGODB_URI is not set.
        KithError: the tenant cannot be made.
    """
    uri = environment.get("MONGODB_URI", "")
    if not uri:
        raise SettingError("MONGODB_URI is not set: it is how a tenant for the check is made; or give an API key")
    prefix = environment.get("KITH_DATABASE_PREFIX", "kith_")
    settings = Settings(listen="", mongodb_uri=uri, database_prefix=prefix)
    with mongo.connect(settings) as client, tempfile.TemporaryDirectory() as folder:
        # With a file of its own, each check gets a key of its own.
        wanted = Wanted(slug, slug, EMAIL, secrets.token_urlsafe(24), Path(folder) / "api-key")
        return bootstrap(SERVICE.store(client, settings), wanted).api_key


def give_back(gateway: str, key: str) -> str:
    """Revokes an API key; what was in the way, "" if nothing."""
    try:
        Api(gateway, key, retry_seconds=_REVOKING_SECONDS).delete(name_of(key))
    except (Unmet, httpx.HTTPError) as error:
        return f"{name_of(key)} could not be revoked: {error}"
    return ""


def name_of(key: str) -> str:
    """The resource name of an API key."""
    proof = proofs.parse(proofs.API_KEY, key)
    return f"apiKeys/{proof.identifier}" if proof else ""
