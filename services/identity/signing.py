"""The keys that sign access tokens: a folder of Ed25519 private keys in PEM. All verify, the last by name signs.

A new key signs only when it is five minutes old, by the time in its name: until then the folder has reached all
replicas, and every process has fetched the public half. The name and not the file's time, since mounting changes that.
"""

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


SIGNS_AFTER_SECONDS = 300.0
"""The age at which a key begins to sign, if there is an older one."""

_NAME_TIME = "%Y%m%dT%H%M%S"


@dataclass(frozen=True, slots=True)
class _Key:
    """A key, its id, and when it begins to sign in seconds since 1970."""

    kid: str
    key: OKPKey
    signs_from: float


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys, newest first."""

    all: tuple[_Key, ...]

    def find(self, kid: str) -> OKPKey | None:
        return next((one.key for one in self.all if one.kid == kid), None)

    def signing(self, now: float) -> _Key:
        return next((one for one in self.all if one.signs_from <= now), self.all[-1])


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
        return self._keys.find(kid)

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
        signing = self._keys.signing(now)
        return tokens.write(claims, signing.kid, signing.key, now)

    def published(self) -> list[SigningKey]:
        """The public halves, newest first."""
        self._rescan()
        return [
            SigningKey(
                kid=one.kid,
                kty="OKP",
                crv="Ed25519",
                x=str(one.key.as_dict(private=False)["x"]),
                alg=tokens.ALGORITHM,
                use="sig",
            )
            for one in self._keys.all
        ]

    def _rescan(self) -> None:
        if time.monotonic() - self._scanned > RESCAN_SECONDS:
            self.refresh()


def generate(folder: Path, *, rotate: bool = False) -> Path:
    """Puts a new key into the folder if there is none, or with `rotate` in any case; returns the newest key's file.

    Files are readable by their owner only and named by time: a later one signs five minutes after it was made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = _names(folder)
    if names and not rotate:
        return folder / names[-1]
    now = datetime.datetime.now(datetime.UTC)
    path = folder / f"{now.strftime(_NAME_TIME)}-{now.microsecond:06d}.pem"
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
    read = ((_read(folder / name), name) for name in reversed(names))
    return _Keys(tuple(_Key(key.thumbprint(), key, _signs_from(name)) for key, name in read))


def _signs_from(name: str) -> float:
    try:
        made = datetime.datetime.strptime(name[:15], _NAME_TIME).replace(tzinfo=datetime.UTC)
    except ValueError:
        return 0.0  # Somebody else's name: it signs at once.
    return made.timestamp() + SIGNS_AFTER_SECONDS


def _read(path: Path) -> OKPKey:
    try:
        key = OKPKey.import_key(path.read_bytes())
    except (JoseError, ValueError, OSError) as error:
        raise SettingError(f"KITH_SIGNING_KEYS: {path.name} is no readable private key in PEM") from error
    if key.curve_name != "Ed25519" or not key.is_private:
        raise SettingError(f"KITH_SIGNING_KEYS: {path.name} is no Ed25519 private key")
    return key
