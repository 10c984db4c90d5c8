"""`kith check`: it believes nothing that it has not seen, and says where something went wrong."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.check import tenancy
from cli.check.api import Api
from cli.check.command import check
from cli.check.expectation import Unmet
from cli.local.platform import Platform

NOWHERE = "http://127.0.0.1:1"


def kith_check(platform: Platform, *options: str, gateway: str = "", **environment: str) -> Result:
    arguments = ["--gateway", gateway or platform.addresses.gateway, *options]
    return CliRunner().invoke(check, arguments, env={"MONGODB_URI": platform.addresses.mongodb, **environment})


def verdict(done: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.output)
    return found


def test_a_tenant_is_made_for_it_and_every_step_is_told(platform: Platform) -> None:
    done = kith_check(platform, "--tenant", "kith-check")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    for step in ("the gateway is ready", "a tenant is there", "the case is solved", "nobody was told anything twice"):
        assert any(line.startswith("  ok ") and line.endswith(f" s  {step}") for line in lines), done.output
    assert lines[-1].startswith("Kith works: 18 steps in ")


def test_it_can_be_repeated_and_leaves_no_api_key_that_works(platform: Platform) -> None:
    key = tenancy.api_key("kith-check", {"MONGODB_URI": platform.addresses.mongodb})
    api = Api(platform.addresses.gateway, key)
    done = kith_check(platform, "--tenant", "kith-check", "--json")
    found = verdict(done)
    assert found["ok"], done.output
    assert all(step["ok"] and step["seconds"] >= 0 for step in found["steps"])
    assert [one["name"] for one in api.all("apiKeys")] == [tenancy.name_of(key)]
    assert sorted(user["email"] for user in api.all("users")) == sorted(
        [tenancy.EMAIL, "sales-rep@story.kith.example", "case-agent@story.kith.example"]
    )
    api.delete(tenancy.name_of(key))


def test_with_an_api_key_it_looks_for_the_mails_itself(platform: Platform) -> None:
    options = ("--mailbox", platform.addresses.mailbox, "--json")
    found = verdict(kith_check(platform, *options, KITH_API_KEY=platform.credentials.api_key))
    assert found["ok"], found
    assert "a tenant is there" not in [step["step"] for step in found["steps"]]
    assert not [remark for remark in found["remarks"] if "mail" in remark]


def test_a_gateway_that_cannot_be_reached_is_named(platform: Platform) -> None:
    done = kith_check(platform, "--tenant", "kith-check", "--patience", "0.1", gateway=NOWHERE)
    assert done.exit_code == 1
    assert "FAILED" in done.output
    assert f"{NOWHERE}/readyz: ConnectError" in done.output
    assert "step 1, “the gateway is ready”" in done.output.splitlines()[-1]


def test_what_does_not_happen_is_told_with_its_trace(platform: Platform) -> None:
    worker = platform.pid("sales-worker")
    os.kill(worker, signal.SIGSTOP)
    try:
        done = kith_check(platform, "--tenant", "kith-check", "--patience", "4", "--json")
    finally:
        os.kill(worker, signal.SIGCONT)
    assert done.exit_code == 1
    failed = verdict(done)["steps"][-1]
    assert failed["step"] == "the lead is assigned"
    assert failed["expected"].startswith("an owner of leads/")
    assert len(failed["trace_id"]) == 32


def test_without_mongodb_it_says_what_it_needs_for_a_tenant(platform: Platform) -> None:
    done = kith_check(platform, "--tenant", "kith-check", MONGODB_URI="")
    assert done.exit_code == 1
    assert "MONGODB_URI is not set" in done.output


@pytest.mark.parametrize("options", [(), ("--tenant", "a", "--api-key-file", "key")])
def test_it_acts_either_in_a_tenant_or_with_a_key(platform: Platform, tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "key").write_text("kith_x")
    done = kith_check(platform, *(str(tmp_path / one) if one == "key" else one for one in options), KITH_API_KEY="")
    assert done.exit_code == 2
    assert "Give either --tenant" in done.output


def test_a_refusal_is_told_with_its_words_and_its_trace(platform: Platform) -> None:
    with pytest.raises(Unmet, match=r"POST /v1/leads.*found 401.*trace [0-9a-f]{32}"):
        Api(platform.addresses.gateway, "kith_wrong").post("leads", {"familyName": "x"})
