"""The load generator with a ledger: what it counts is what has happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.check import tenancy
from cli.check.api import Api
from cli.check.expectation import eventually
from cli.check.load.audit import audit
from cli.check.load.ledger import Entry, Ledger
from cli.local.platform import Platform

Report = dict[str, Any]


def start(platform: Platform, *options: str, gateway: str = "") -> subprocess.Popen[str]:
    arguments = ("--gateway", gateway or platform.addresses.gateway, "--tenant", "kith-load", *options)
    return subprocess.Popen(
        [sys.executable, "-m", "cli.check.load", *arguments],
        env={**os.environ, "MONGODB_URI": platform.addresses.mongodb},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Loads that are killed with the test, if it fails."""
    loads: list[subprocess.Popen[str]] = []
    yield loads
    for load in loads:
        load.kill()
        load.communicate()


def ended(load: subprocess.Popen[str]) -> Report:
    out, errors = load.communicate(timeout=240)
    assert load.returncode == 0, out + errors
    found: Report = json.loads(out)
    return found


def test_every_acknowledged_create_is_there_once_and_on_the_timeline_once(platform: Platform, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    found = ended(start(platform, "--rate", "40", "--seconds", "3", "--audit", "--report", str(file)))
    assert found == json.loads(file.read_text())
    assert found["attempted"] == 120
    assert found["acknowledged"] == 120 - found["failed"] > 0
    assert [found[fault] for fault in ("lost", "duplicated", "events_missing", "events_duplicated")] == [0] * 4
    assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["max_ms"]


def test_creates_that_are_sent_again_while_processes_die_are_not_doubled(platform: Platform) -> None:
    options = ("--rate", "30", "--seconds", "6", "--mix", "create=1", "--retry-seconds", "90", "--audit")
    load = start(platform, *options)
    time.sleep(3)
    for name in ("gateway", "contact-api", "contact-worker", "insight-worker"):
        platform.kill(name)
    platform.wait_until_ready()
    found = ended(load)
    assert (found["attempted"], found["failed"]) == (180, 0)
    assert [found[fault] for fault in ("lost", "duplicated", "events_missing", "events_duplicated")] == [0] * 4


def test_a_load_that_is_told_to_stop_reports_what_it_did(
    platform: Platform, started: list[subprocess.Popen[str]]
) -> None:
    load = start(platform, "--rate", "20", "--seconds", "600", "--mix", "create=1", "--audit")
    started.append(load)
    api = Api(platform.addresses.gateway, tenancy.api_key("kith-load", {"MONGODB_URI": platform.addresses.mongodb}))
    before = sum(1 for _ in api.all("contacts"))
    eventually(lambda: sum(1 for _ in api.all("contacts")) > before, seconds=60, what="the load's first contacts")
    load.send_signal(signal.SIGTERM)
    found = ended(load)
    assert 0 < found["attempted"] < 12_000
    assert found["lost"] == found["events_missing"] == 0
    api.delete(tenancy.name_of(api.api_key))


def test_what_is_lost_or_doubled_is_counted(platform: Platform) -> None:
    """The audit is shown a ledger that promises more than there is, and a record that is there twice."""
    api = Api(platform.addresses.gateway, platform.credentials.api_key)
    account = api.post("accounts", {"displayName": "Audited"})["name"]
    contacts = [{"familyName": f"mark-{number}", "account": account} for number in (0, 1, 1, 7)]
    names = [api.post("contacts", contact)["name"] for contact in contacts]
    ledger = [Entry(0, "create", 0.0, name=names[0]), Entry(1, "create", 0.0, name=names[1])]
    ledger.append(Entry(2, "create", 0.0, name="contacts/lost"))
    found = audit(api, account, "mark", ledger, patience_seconds=3)
    assert (found["lost"], found["duplicated"], found["unacknowledged"]) == (1, 1, 1)
    assert (found["events_missing"], found["events_duplicated"]) == (1, 0)


def test_failures_are_counted_by_kind_with_the_silence_that_they_made() -> None:
    entries = [Entry(n, "get", n / 10, ended=n / 10 + 0.01) for n in range(50) if not 10 <= n < 30]
    entries += [
        Entry(n, "get", n / 10, ended=n / 10 + 0.01, failure="ConnectionRefusedError", repeats=2) for n in range(10, 30)
    ]
    report = Ledger(sorted(entries, key=lambda one: one.ended)).report()
    assert (report["attempted"], report["acknowledged"], report["failed"], report["retries"]) == (50, 30, 20, 40)
    assert report["failures_by_kind"] == {"ConnectionRefusedError": 20}
    assert (report["p50_ms"], report["longest_silence_ms"]) == (10.0, 2100.0)


def test_a_gateway_that_is_not_there_is_an_error_in_one_line(platform: Platform) -> None:
    load = start(platform, "--patience", "0.1", "--audit", gateway="http://127.0.0.1:1")
    _, errors = load.communicate(timeout=60)
    assert load.returncode == 1
    assert "POST /v1/accounts" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("mix", ["create", "drop=1", "get=x", "create=0,get=0"])
def test_a_mix_that_is_none_is_refused(platform: Platform, mix: str) -> None:
    load = start(platform, "--mix", mix)
    _, errors = load.communicate(timeout=60)
    assert load.returncode == 2
    assert "--mix" in errors
