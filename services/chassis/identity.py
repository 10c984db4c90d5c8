"""Identity as the other processes know it: its public keys, kept while it is away, and the exchange of API keys."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import grpc
from joserfc.jwk import OKPKey
from kith.identity.v1.token_service_pb2 import (
    ExchangeApiKeyRequest,
    ExchangeApiKeyResponse,
    ListSigningKeysRequest,
    ListSigningKeysResponse,
    SigningKey,
)

from services.chassis.channels import EVERY_METHOD, Line
from services.chassis.errors import Unauthenticated, Unavailable
from services.chassis.principal import Verifier
from services.chassis.settings import Tls

REFRESH_SECONDS = 60.0
"""Keys are fetched so often: a key taken out of service verifies no longer than this."""
RETRY_SECONDS = 1.0
"""After a failure, and between two fetches because of unknown keys."""
TIMEOUT_SECONDS = 2.0

_SERVICE = "kith.identity.v1.TokenService/"
_log = logging.getLogger(__name__)


class RemoteIdentity:
    """The identity api behind an address. `keys` are fetched in the background once started."""

    def __init__(self, address: str, tls: Tls | None = None) -> None:
        """Raises SettingError when a file of `tls` is wrong."""
        # What is asked here may be asked twice: a key is exchanged for a token as often as one likes.
        self._line = Line(address, tls, [EVERY_METHOD])
        self.keys = CachedKeys(self._fetch)

    def verifier(self) -> Verifier:
        """A verifier that asks this identity."""
        return Verifier(self.keys, self.exchange)

    def start(self) -> None:
        """Begins to fetch keys in the background; identity may come up later."""
        self.keys.start()

    def close(self) -> None:
        """Ends the background work and the connection."""
        self.keys.stop()
        self._line.close()

    def exchange(self, api_key: str) -> str:
        """The access token for an API key.

        Raises:
            Unauthenticated: the key is not valid.
            Unavailable: identity does not answer.
        """
        try:
            answer = self._line.call(
                _SERVICE + "ExchangeApiKey",
                ExchangeApiKeyRequest(api_key=api_key),
                ExchangeApiKeyResponse,
                timeout=TIMEOUT_SECONDS,
            )
        except grpc.RpcError as error:
            if error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INVALID_ARGUMENT):
                raise Unauthenticated("the API key is not valid", reason="API_KEY_INVALID") from error
            raise Unavailable("identity does not answer; try again", reason="IDENTITY_UNAVAILABLE") from error
        return str(answer.access_token)

    def _fetch(self) -> dict[str, OKPKey]:
        try:
            answer = self._line.call(
                _SERVICE + "ListSigningKeys",
                ListSigningKeysRequest(),
                ListSigningKeysResponse,
                timeout=TIMEOUT_SECONDS,
            )
        except grpc.RpcError as error:
            raise Unavailable("identity does not answer; try again", reason="IDENTITY_UNAVAILABLE") from error
        return {key.kid: imported(key) for key in answer.keys if key.kty == "OKP" and key.crv == "Ed25519"}


class CachedKeys:
    """A `KeySource` that keeps what it fetched, replaces it in the background, and never fetches in a rush."""

    def __init__(self, fetch: Callable[[], dict[str, OKPKey]]) -> None:
        self._fetch = fetch
        self._keys: dict[str, OKPKey] = {}
        self._lock = threading.Lock()
        self._tried = float("-inf")
        self._failed: Unavailable | None = None
        self._stopped = threading.Event()

    def find(self, kid: str) -> OKPKey | None:
        """The key of that id if it is known here; never waits."""
        return self._keys.get(kid)

    def known(self) -> bool:
        """Whether any key is known here; never waits."""
        return bool(self._keys)

    def refresh(self) -> None:
        """Fetches the keys unless that was just done: tokens with invented key ids cannot make a storm.

        Raises:
            Unavailable: the last attempt failed.
        """
        with self._lock:
            if time.monotonic() - self._tried >= RETRY_SECONDS:
                self._try()
            if self._failed is not None:
                raise Unavailable(self._failed.message, reason=self._failed.reason)

    def start(self) -> None:
        """Fetches now and then every minute, in a thread of its own."""
        threading.Thread(target=self._keep_fresh, name="signing-keys", daemon=True).start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopped.set()

    def _keep_fresh(self) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
            with self._lock:
                self._try()
            pause = REFRESH_SECONDS if self._failed is None else RETRY_SECONDS

    def _try(self) -> None:
        """One attempt; on failure the keys that we have stay."""
        try:
            self._keys = self._fetch() or self._keys
            self._failed = None
        except Unavailable as error:
            if self._failed is None:
                _log.warning("the signing keys cannot be fetched; those already known stay valid")
            self._failed = error
        self._tried = time.monotonic()


def imported(key: SigningKey) -> OKPKey:
    """A published key as joserfc wants it."""
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": key.x})
