"""The keys that sign access tokens: a folder of Ed25519 private keys in PEM. The last by name signs, all verify."""

from __future__ import annotations

import datetime
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from kith.identity.v1.token_service_pb2 import SigningKey

from services.chassis import tokens
from services.chassis.settings import SettingError
from services.chassis.tokens import Claims

RESCAN_SECONDS = 10.0
"""A key that is put into the folder is seen after so long."""


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys by id, the signing one first."""

    by_id: dict[str, OKPKey]

    @property
    def signing(self) -> tuple[str, OKPKey]:
        return next(iter(self.by_id.items()))


class Keyring:
    """Signs tokens, and is identity's own `KeySource`. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._scanned = time.monotonic()
        self._names = _names(folder)
        self._keys = _load(folder, self._names)

    def find(self, kid: str) -> OKPKey | None:
        """The key of that id."""
        return self._keys.by_id.get(kid)

    def refresh(self) -> None:
        """Looks whether files came or went."""
        with self._lock:
            self._scanned = time.monotonic()
            names = _names(self._folder)
            if names and names != self._names:
                self._keys = _load(self._folder, names)
                self._names = names

    def sign(self, claims: Claims, now: float) -> str:
        """An access token with these claims."""
        self._rescan()
        kid, key = self._keys.signing
        return tokens.write(claims, kid, key, now)

    def published(self) -> list[SigningKey]:
        """The public halves, the signing one first."""
        self._rescan()
        return [
            SigningKey(
                kid=kid,
                kty="OKP",
                crv="Ed25519",
                x=str(key.as_dict(private=False)["x"]),
                alg=tokens.ALGORITHM,
                use="sig",
            )
            for kid, key in self._keys.by_id.items()
        ]

    def _rescan(self) -> None:
        if time.monotonic() - self._scanned > RESCAN_SECONDS:
            self.refresh()


def generate(folder: Path, *, rotate: bool = False) -> Path:
    """Puts a new key into the folder if there is none, or with `rotate` in any case; returns the newest key's file.

    Files are readable by their owner only and named by time, so that a later one signs from then on.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = _names(folder)
    if names and not rotate:
        return folder / names[-1]
    now = datetime.datetime.now(datetime.UTC)
    path = folder / f"{now:%Y%m%dT%H%M%S}-{now.microsecond:06d}.pem"
    partial = path.with_suffix(".partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(OKPKey.generate_key("Ed25519", private=True).as_pem(private=True))
    partial.rename(path)
    return path


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.pem"))


def _load(folder: Path, names: list[str]) -> _Keys:
    if not names:
        raise SettingError(
            f"KITH_SIGNING_KEYS: no *.pem in {folder}; run `python -m services.identity keygen --folder …`"
        )
    keys = [_read(folder / name) for name in reversed(names)]
    return _Keys({key.thumbprint(): key for key in keys})


def _read(path: Path) -> OKPKey:
    try:
        key = OKPKey.import_key(path.read_bytes())
    except (JoseError, ValueError, OSError) as error:
        raise SettingError(f"KITH_SIGNING_KEYS: {path.name} is no readable private key in PEM") from error
    if key.curve_name != "Ed25519" or not key.is_private:
        raise SettingError(f"KITH_SIGNING_KEYS: {path.name} is no Ed25519 private key")
    return key
