"""Access tokens: what is signed right is read, everything else is refused."""

from __future__ import annotations

import base64
import json
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from services.chassis import tokens
from services.chassis.errors import Unauthenticated
from services.chassis.settings import SettingError
from services.chassis.tokens import Claims, UnknownKey
from services.identity import signing
from services.identity.signing import Keyring

NOW = 1_800_000_000.0
CLAIMS = Claims("t1", "users/u1", ("contacts.*",), ("roles/r1",), NOW + 300)


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    signing.generate(tmp_path)
    return Keyring(tmp_path)


def test_a_signed_token_reads_back_as_its_claims(keyring: Keyring) -> None:
    assert tokens.read(keyring.sign(CLAIMS, NOW), keyring, NOW) == CLAIMS


@pytest.mark.parametrize("moment", [NOW - 11, NOW + 311])
def test_a_token_works_only_in_its_time_and_ten_seconds_around_it(keyring: Keyring, moment: float) -> None:
    token = keyring.sign(CLAIMS, NOW)
    with pytest.raises(Unauthenticated):
        tokens.read(token, keyring, moment)
    tokens.read(token, keyring, NOW - 9)
    tokens.read(token, keyring, NOW + 309)


def test_a_token_of_an_unknown_key_says_so(keyring: Keyring, tmp_path: Path) -> None:
    signing.generate(tmp_path / "other")
    stranger = Keyring(tmp_path / "other")
    with pytest.raises(UnknownKey):
        tokens.read(stranger.sign(CLAIMS, NOW), keyring, NOW)


def test_a_changed_claim_breaks_the_signature(keyring: Keyring) -> None:
    header, payload, signature = keyring.sign(CLAIMS, NOW).split(".")
    changed = json.loads(base64.urlsafe_b64decode(payload + "=="))
    changed["tenant"] = "t2"
    with pytest.raises(Unauthenticated, match="signature"):
        tokens.read(f"{header}.{_encoded(changed)}.{signature}", keyring, NOW)


HEADERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "no algorithm": lambda kid: {"alg": "none", "kid": kid},
    "NONE": lambda kid: {"alg": "NONE", "kid": kid},
    "a shared secret": lambda kid: {"alg": "HS256", "kid": kid},
    "another curve": lambda kid: {"alg": "ES256", "kid": kid},
    "no key id": lambda _kid: {"alg": "Ed25519"},
    "a key id that is a path": lambda _kid: {"alg": "Ed25519", "kid": "../../etc/passwd"},
    "a key id that is a list": lambda kid: {"alg": "Ed25519", "kid": [kid]},
    "a key of its own": lambda kid: {"alg": "Ed25519", "kid": kid, "jwk": {"kty": "OKP"}},
    "a link to keys": lambda kid: {"alg": "Ed25519", "kid": kid, "jku": "http://127.0.0.1/keys"},
    "critical extensions": lambda kid: {"alg": "Ed25519", "kid": kid, "crit": ["b64"], "b64": False},
}


@pytest.mark.parametrize("attack", HEADERS)
def test_a_header_of_another_shape_is_refused_before_anything_is_believed(keyring: Keyring, attack: str) -> None:
    _, payload, signature = keyring.sign(CLAIMS, NOW).split(".")
    header = _encoded(HEADERS[attack](next(iter(keyring.published())).kid))
    for last in (signature, ""):
        with pytest.raises(Unauthenticated):
            tokens.read(f"{header}.{payload}.{last}", keyring, NOW)


def test_the_public_key_does_not_work_as_a_shared_secret(keyring: Keyring) -> None:
    published = keyring.published()[0]
    secret = OctKey.import_key(published.x.encode())
    forged = jwt.encode({"alg": "HS256", "kid": published.kid}, {"tenant": "t1"}, secret, algorithms=["HS256"])
    with pytest.raises(Unauthenticated):
        tokens.read(forged, keyring, NOW)


PAYLOADS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "else"},
    "another audience": {"aud": "else"},
    "a list of audiences": {"aud": ["kith"]},
    "no end": {"exp": None},
    "an end as text": {"exp": "9999999999"},
    "an endless end": {"exp": float("inf")},
    "no tenant": {"tenant": ""},
    "a tenant that is an operator": {"tenant": {"$ne": ""}},
    "no subject": {"sub": None},
    "permissions as text": {"permissions": "*"},
    "permissions that are no texts": {"permissions": [{"$gt": ""}]},
}


@pytest.mark.parametrize("wrong", PAYLOADS)
def test_even_a_signed_token_must_say_everything_in_the_right_form(tmp_path: Path, wrong: str) -> None:
    path = signing.generate(tmp_path)
    keyring, key = Keyring(tmp_path), OKPKey.import_key(path.read_bytes())
    claims = {"iss": "kith", "aud": "kith", "sub": "users/u", "tenant": "t", "nbf": int(NOW), "exp": int(NOW) + 60}
    header = {"alg": "Ed25519", "kid": keyring.published()[0].kid}
    tokens.read(jwt.encode(header, claims, key, algorithms=["Ed25519"]), keyring, NOW)
    with pytest.raises(Unauthenticated):
        tokens.read(jwt.encode(header, {**claims, **PAYLOADS[wrong]}, key, algorithms=["Ed25519"]), keyring, NOW)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b", "a.b.c.d", "é.é.é", "eyJ.eyJ.x", "[" * 9000 + ".a.b", "x" * 20_000]
)
def test_garbage_is_refused_and_nothing_else_happens(keyring: Keyring, text: str) -> None:
    with pytest.raises(Unauthenticated):
        tokens.read(text, keyring, NOW)


def test_a_new_key_verifies_at_once_and_signs_when_everybody_can_know_it(tmp_path: Path) -> None:
    signing.generate(tmp_path)
    keyring, now = Keyring(tmp_path), time.time()
    old = keyring.sign(CLAIMS, now)
    time.sleep(0.002)
    signing.generate(tmp_path, rotate=True)
    keyring.refresh()
    assert tokens.key_id(keyring.sign(CLAIMS, now + 290)) == tokens.key_id(old)
    new = keyring.sign(CLAIMS, now + 310)
    assert tokens.key_id(new) == keyring.published()[0].kid != tokens.key_id(old)
    assert keyring.find(tokens.key_id(old)) is not None
    assert Keyring(tmp_path).find(tokens.key_id(new)) is not None


def test_when_the_old_key_is_taken_away_the_new_one_signs_at_once(tmp_path: Path) -> None:
    first = signing.generate(tmp_path)
    keyring, now = Keyring(tmp_path), time.time()
    old = keyring.sign(CLAIMS, now)
    signing.generate(tmp_path, rotate=True)
    first.unlink()
    keyring.refresh()
    assert tokens.key_id(keyring.sign(CLAIMS, now)) != tokens.key_id(old)
    assert keyring.find(tokens.key_id(old)) is None


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = signing.generate(tmp_path / "keys")
    assert signing.generate(tmp_path / "keys") == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "keys").iterdir()] == [path.name]


def test_a_folder_without_a_usable_key_is_named_with_its_fix(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="keygen"):
        Keyring(tmp_path)
    (tmp_path / "a.pem").write_text("no key")
    with pytest.raises(SettingError, match=r"a\.pem"):
        Keyring(tmp_path)


def _encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
