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


def steps(home: Path, settings: Mapping[str, str]) -> tuple[Step, ...]:
    """The steps of a start that leave the signing keys and the demo tenant there, and its credentials in `home`."""
    return (
        Step(name="signing-keys", run=lambda: _ensure_keys(home, settings)),
        Step(name="demo-tenant", run=lambda: bootstrap(home, settings), after=("identity-migrate",)),
    )


def read(home: Path) -> Credentials:
    """The credentials that `bootstrap` kept; FileNotFoundError before the first start."""
    return Credentials(**json.loads(_file(home).read_text()))


def bootstrap(home: Path, settings: Mapping[str, str]) -> None:
    """Makes the tenant, its administrator and its API key where they are not there yet.

    The secrets are kept in `home/credentials.json`, readable by its owner only.

    Raises:
        StartFailed: identity's commands failed.
    """
    password = read(home).password if _file(home).exists() else secrets.token_urlsafe(12)
    write_atomically(home / "password", password)
    made = json.loads(run_once("demo-tenant", _command(home), home, settings))
    credentials = Credentials(made["tenant"], made["email"], password, made["api_key"])
    write_atomically(_file(home), json.dumps(asdict(credentials), indent=2))


def _ensure_keys(home: Path, settings: Mapping[str, str]) -> None:
    folder = Path(settings["KITH_SIGNING_KEYS"])
    if not any(folder.glob("*.pem")):
        run_once("identity-keygen", ("services.identity", "keygen", "--folder", str(folder)), home, settings)


def _command(home: Path) -> tuple[str, ...]:
    return (
        *("services.identity", "bootstrap", "--tenant", TENANT, "--email", EMAIL, "--json"),
        *("--password-file", str(home / "password"), "--api-key-file", str(home / "api-key")),
    )


def _file(home: Path) -> Path:
    return home / "credentials.json"
