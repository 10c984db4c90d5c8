"""Identity's api: as those of the other services, but it checks its callers with its own keys and its own store."""

from __future__ import annotations

from pathlib import Path

from services.chassis import api, mongo
from services.chassis.principal import Verifier
from services.chassis.settings import SettingError, Settings
from services.identity.access import Access
from services.identity.api import SERVICE
from services.identity.signing import Keyring


def serve(settings: Settings) -> None:
    """Serves until it is told to stop.

    Raises:
        SettingError: a setting is wrong, for example there is no signing key.
    """
    if not settings.signing_keys:
        raise SettingError("KITH_SIGNING_KEYS is not set: give the folder that `keygen` made")
    with mongo.connect(settings) as client:
        keyring = Keyring(Path(settings.signing_keys))
        access = Access(SERVICE.store(client, settings), keyring, settings.token_seconds)
        api.run(SERVICE, settings, Verifier(keyring, lambda api_key: access.for_api_key(api_key).access_token))
