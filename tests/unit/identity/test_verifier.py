"""The verifier: who calls, without asking twice, and what happens while identity is away."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from grpc_health.v1 import health_pb2
from joserfc.jwk import OKPKey

from services.chassis.errors import Unauthenticated, Unavailable
from services.chassis.identity import CachedKeys, imported
from services.chassis.permissions import MissingPermission, require_permissions
from services.chassis.principal import Verifier
from services.chassis.tokens import Claims
from services.identity import signing
from services.identity.signing import Keyring

API_KEY = "kith_0123_secret"


@dataclass
class Identity:
    """An identity with one API key, whose answers can be changed, and a clock that stands until it is set."""

    keyring: Keyring
    now: float = 1_800_000_000.0
    refusal: Exception | None = None
    exchanges: int = 0
    slow_seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def token(self) -> str:
        return self.keyring.sign(Claims("t1", "users/u1", ("contacts.*", "*.read"), (), self.now + 300), self.now)

    def exchange(self, api_key: str) -> str:
        with self.lock:
            self.exchanges += 1
        time.sleep(self.slow_seconds)
        if self.refusal is not None:
            raise self.refusal
        assert api_key == API_KEY
        return self.token()

    def verifier(self) -> Verifier:
        return Verifier(self.keyring, self.exchange, clock=lambda: self.now)


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    signing.generate(tmp_path)
    return Identity(Keyring(tmp_path))


def test_a_token_tells_who_calls_and_what_they_may_do(identity: Identity) -> None:
    token = identity.token()
    caller = identity.verifier().verify(f"Bearer {token}")
    assert (caller.tenant, caller.subject, caller.token) == ("t1", "users/u1", token)
    assert caller.may("contacts.delete")
    assert caller.may("leads.read")
    assert caller.may("signedIn")
    assert not caller.may("leads.create")
    assert not caller.may("operator")
    assert not caller.may("")


def test_a_principal_shows_no_token_when_it_is_printed(identity: Identity) -> None:
    token = identity.token()
    assert token not in repr(identity.verifier().verify(f"Bearer {token}"))


def test_a_remembered_token_still_ends_in_time(identity: Identity) -> None:
    verifier, header = identity.verifier(), f"Bearer {identity.token()}"
    verifier.verify(header)
    identity.now += 309
    verifier.verify(header)
    identity.now += 2
    with pytest.raises(Unauthenticated) as refused:
        verifier.verify(header)
    assert refused.value.reason == "TOKEN_EXPIRED"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic abc", "bearer a b", "Bearer é", "Bearer a\nb", "Bearer " + "x" * 20_000, "x"],
)
def test_a_header_of_another_form_is_refused(identity: Identity, header: str) -> None:
    verifier = identity.verifier()
    with pytest.raises(Unauthenticated):
        verifier.verify(header)
    with pytest.raises(Unauthenticated):
        verifier.known(header)


def test_an_api_key_is_exchanged_once_and_its_token_is_forwarded(identity: Identity) -> None:
    verifier = identity.verifier()
    first, second = verifier.verify(f"Bearer {API_KEY}"), verifier.verify(f"Bearer {API_KEY}")
    assert first == second
    assert first.token.startswith("eyJ")
    assert identity.exchanges == 1


def test_an_api_key_is_exchanged_again_shortly_before_its_token_ends(identity: Identity) -> None:
    verifier = identity.verifier()
    verifier.verify(f"Bearer {API_KEY}")
    identity.now += 271
    verifier.verify(f"Bearer {API_KEY}")
    assert identity.exchanges == 2


def test_a_deleted_api_key_works_no_longer_than_its_last_token(identity: Identity) -> None:
    verifier = identity.verifier()
    verifier.verify(f"Bearer {API_KEY}")
    identity.refusal = Unauthenticated("deleted")
    identity.now += 269
    verifier.verify(f"Bearer {API_KEY}")
    identity.now += 2
    with pytest.raises(Unauthenticated):
        verifier.verify(f"Bearer {API_KEY}")


def test_a_refused_api_key_is_not_asked_about_again_for_ten_seconds(identity: Identity) -> None:
    verifier, identity.refusal = identity.verifier(), Unauthenticated("unknown")
    for _ in range(20):
        with pytest.raises(Unauthenticated):
            verifier.verify(f"Bearer {API_KEY}")
    assert identity.exchanges == 1
    identity.now += 11
    identity.refusal = None
    verifier.verify(f"Bearer {API_KEY}")


def test_while_identity_is_away_a_known_api_key_works_until_its_token_ends(identity: Identity) -> None:
    verifier = identity.verifier()
    verifier.verify(f"Bearer {API_KEY}")
    identity.refusal = Unavailable("away")
    identity.now += 290
    verifier.verify(f"Bearer {API_KEY}")
    identity.now += 11
    with pytest.raises(Unavailable):
        verifier.verify(f"Bearer {API_KEY}")


def test_many_threads_with_one_new_api_key_ask_once(identity: Identity) -> None:
    verifier, identity.slow_seconds = identity.verifier(), 0.05
    with ThreadPoolExecutor(16) as threads:
        callers = list(threads.map(verifier.verify, [f"Bearer {API_KEY}"] * 64))
    assert len({id(caller) for caller in callers}) == 1
    assert identity.exchanges == 1


def test_threads_that_wait_for_an_absent_identity_do_not_wait_one_after_the_other(identity: Identity) -> None:
    verifier, identity.slow_seconds, identity.refusal = identity.verifier(), 0.2, Unavailable("away")

    def attempt(_: int) -> bool:
        with pytest.raises(Unavailable):
            verifier.verify(f"Bearer {API_KEY}")
        return True

    began = time.monotonic()
    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(attempt, range(16)))
    assert time.monotonic() - began < 1
    assert identity.exchanges == 1


def test_known_never_asks_anybody(identity: Identity) -> None:
    verifier = identity.verifier()
    assert verifier.known(f"Bearer {API_KEY}") is None
    assert identity.exchanges == 0
    verifier.verify(f"Bearer {API_KEY}")
    assert verifier.known(f"Bearer {API_KEY}") is not None
    assert verifier.known(f"Bearer {identity.token()}") is not None


def _published(keyring: Keyring) -> dict[str, OKPKey]:
    return {key.kid: imported(key) for key in keyring.published()}


def test_an_unknown_key_is_fetched_and_then_known(identity: Identity) -> None:
    keys = CachedKeys(lambda: _published(identity.keyring))
    verifier = Verifier(keys, identity.exchange, clock=lambda: identity.now)
    header = f"Bearer {identity.token()}"
    assert verifier.known(header) is None
    assert verifier.verify(header).subject == "users/u1"
    assert verifier.known(header) is not None


def test_tokens_with_invented_keys_make_no_storm_of_fetches(identity: Identity, tmp_path: Path) -> None:
    fetches = []

    def fetch() -> dict[str, OKPKey]:
        fetches.append(1)
        return _published(identity.keyring)

    signing.generate(tmp_path / "stranger")
    stranger = Keyring(tmp_path / "stranger")
    verifier = Verifier(CachedKeys(fetch), identity.exchange, clock=lambda: identity.now)
    for number in range(50):
        forged = stranger.sign(Claims("t1", f"users/{number}", ("*",), (), identity.now + 60), identity.now)
        with pytest.raises(Unauthenticated):
            verifier.verify(f"Bearer {forged}")
    assert len(fetches) <= 2


def test_keys_stay_known_while_identity_is_away(identity: Identity) -> None:
    away = False

    def fetch() -> dict[str, OKPKey]:
        if away:
            raise Unavailable("away")
        return _published(identity.keyring)

    keys = CachedKeys(fetch)
    verifier = Verifier(keys, identity.exchange, clock=lambda: identity.now)
    verifier.verify(f"Bearer {identity.token()}")
    away = True
    identity.now += 1
    assert verifier.verify(f"Bearer {identity.token()}").tenant == "t1"


def test_without_any_key_the_answer_is_that_nobody_can_tell(identity: Identity) -> None:
    def fetch() -> dict[str, OKPKey]:
        raise Unavailable("away")

    verifier = Verifier(CachedKeys(fetch), identity.exchange, clock=lambda: identity.now)
    with pytest.raises(Unavailable):
        verifier.verify(f"Bearer {identity.token()}")


def test_a_method_without_a_permission_keeps_its_process_from_starting() -> None:
    service: Any = health_pb2.DESCRIPTOR.services_by_name["Health"]
    with pytest.raises(MissingPermission, match=r"grpc\.health\.v1\.Health\.Check"):
        require_permissions([service])
