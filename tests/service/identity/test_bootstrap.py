"""The operator's commands, run as processes: what they make, what they print, and that a second run changes nothing."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from services.chassis.resources.changes import Author
from services.identity.passwords import COLLECTION, Hasher
from services.identity.records import PLATFORM
from services.identity.user_passwords import UserPasswords
from tests.service.identity.conftest import PASSWORD, Running, Tenancy


def _run(identity: Running, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "MONGODB_URI": identity.settings.mongodb_uri,
        "KITH_DATABASE_PREFIX": identity.settings.database_prefix,
        "KITH_SIGNING_KEYS": identity.settings.signing_keys,
    }
    return subprocess.run(
        [sys.executable, "-m", "services.identity", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def _bootstrap(identity: Running, folder: Path, slug: str, *more: str) -> dict[str, str]:
    (folder / "password").write_text(PASSWORD + "\n")
    ran = _run(
        identity,
        *("bootstrap", "--tenant", slug, "--email", f"admin@{slug}.example"),
        *("--password-file", str(folder / "password"), "--json", *more),
    )
    assert ran.returncode == 0, ran.stderr
    made: dict[str, str] = json.loads(ran.stdout)
    return made


@pytest.fixture
def slug() -> str:
    return f"b-{uuid.uuid4().hex[:10]}"


def test_a_tenant_is_made_once_with_events_for_everything_in_it(identity: Running, tmp_path: Path, slug: str) -> None:
    first = _bootstrap(identity, tmp_path, slug, "--name", "B & Sons")
    second = _bootstrap(identity, tmp_path, slug)
    assert {**first, "api_key": ""} == second
    assert first["api_key"].startswith("kith_")
    changes = identity.store.database["changes"].find({"tenant": first["tenant_name"].partition("/")[2]})
    verbs = sorted(f"{change['kind']}.{change['verb']}" for change in changes)
    assert verbs == [
        "api_key.created",
        *["role.created"] * 6,
        "tenant.created",
        "user.created",
        "user.password_set",
    ]


def test_a_key_in_a_file_is_kept_as_long_as_it_works(identity: Running, tmp_path: Path, slug: str) -> None:
    file = tmp_path / "api_key"
    first = _bootstrap(identity, tmp_path, slug, "--api-key-file", str(file))
    assert file.read_text().strip() == first["api_key"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert _bootstrap(identity, tmp_path, slug, "--api-key-file", str(file)) == first
    file.write_text("kith_of_another_time\n")
    renewed = _bootstrap(identity, tmp_path, slug, "--api-key-file", str(file))
    assert renewed["api_key"] == file.read_text().strip() != first["api_key"]


def test_a_tenant_that_is_there_is_left_alone_when_it_was_wanted_once(
    identity: Running, tmp_path: Path, slug: str
) -> None:
    made = _bootstrap(identity, tmp_path, slug, "--once")
    assert made["api_key"] == ""
    tenant, user = made["tenant_name"].partition("/")[2], made["user"]
    passwords = UserPasswords(identity.store, Hasher())
    assert passwords.matches(tenant, user, PASSWORD)
    passwords.set(Author(tenant, PLATFORM), user, "chosen by its administrator")
    assert _bootstrap(identity, tmp_path, slug, "--once") == made
    assert passwords.matches(tenant, user, "chosen by its administrator")


def test_a_run_that_was_cut_off_before_the_password_is_finished(identity: Running, tmp_path: Path, slug: str) -> None:
    made = _bootstrap(identity, tmp_path, slug, "--once")
    tenant, user = made["tenant_name"].partition("/")[2], made["user"]
    identity.store.database[COLLECTION].delete_one({"_id": user.partition("/")[2]})
    assert _bootstrap(identity, tmp_path, slug, "--once") == made
    assert UserPasswords(identity.store, Hasher()).matches(tenant, user, PASSWORD)


def test_what_cannot_be_made_is_refused_in_one_line(identity: Running, tmp_path: Path, tenancy: Tenancy) -> None:
    (tmp_path / "password").write_text("short")
    for arguments, said in (
        (("bootstrap", "--tenant", "Not a slug", "--email", "a@b.c"), "slug"),
        (("bootstrap", "--tenant", tenancy.made.tenant, "--email", tenancy.made.email), "characters"),
        (("suspend", "--tenant", "no-such-tenant"), "there is no tenant"),
    ):
        password = ("--password-file", str(tmp_path / "password")) if arguments[0] == "bootstrap" else ()
        ran = _run(identity, *arguments, *password)
        assert ran.returncode == 2
        assert said in ran.stderr
        assert len(ran.stderr.strip().splitlines()) == 1
    assert identity.store.database["slugs"].count_documents({"_id": "Not a slug"}) == 0


def test_a_tenant_is_suspended_and_resumed_by_the_operator(identity: Running, tenancy: Tenancy) -> None:
    assert "suspended" in _run(identity, "suspend", "--tenant", tenancy.made.tenant).stdout
    states: Any = identity.store.database["tenants"].find_one({"_id": tenancy.tenant})
    assert states["state"] == 2
    assert "active" in _run(identity, "resume", "--tenant", tenancy.made.tenant).stdout
