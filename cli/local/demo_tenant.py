"""The demo tenant, its login and its API key: the same at every start of one home."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from cli.local.files import write_atomically
from cli.local.services import run_once
from cli.local.unit import Step

TENANT = "demo"
EMAIL = "admin@demo.example"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a first visitor needs; `api_key` goes into `Authorization: Bearer …`."""

    tenant: str
    email: str
    password: str
    api_key: str


def step(home: Path, settings: Mapping[str, str]) -> Step:
    """The step of a start that leaves the demo tenant there and its credentials in `home`."""
    return Step(
        name="demo-tenant",
        run=lambda: bootstrap(home, settings),
        after=("identity-migrate",),
    )


def read(home: Path) -> Credentials:
    """The credentials that `bootstrap` kept; FileNotFoundError before the first start."""
    return Credentials(**json.loads(_file(home).read_text()))


def bootstrap(home: Path, settings: Mapping[str, str]) -> None:
    """Makes the signing keys, the tenant, its administrator and its API key where they are not there yet.

    The secrets are kept in `home/credentials.json`, readable by its owner only.

    Raises:
        StartFailed: identity's commands failed.
    """
    kept = asdict(read(home)) if _file(home).exists() else {}
    password = kept.get("password") or secrets.token_urlsafe(12)
    write_atomically(home / "password", password)
    run_once(
        "identity-keygen",
        ("services.identity", "keygen", "--folder", settings["KITH_SIGNING_KEYS"]),
        home,
        settings,
    )
    made = json.loads(run_once("demo-tenant", _command(home), home, settings))
    api_key = made.get("api_key") or kept.get("api_key", "")
    credentials = Credentials(made["tenant"], made["email"], password, api_key)
    write_atomically(_file(home), json.dumps(asdict(credentials), indent=2))


def _command(home: Path) -> tuple[str, ...]:
    return (
        *("services.identity", "bootstrap", "--tenant", TENANT, "--email", EMAIL),
        *("--password-file", str(home / "password"), "--json"),
    )


def _file(home: Path) -> Path:
    return home / "credentials.json"
