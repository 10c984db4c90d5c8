"""`kith events` against real servers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.events import events
from services.chassis.bus import topology
from tests.service.bus.probe import NOTES
from tests.service.bus.stage import PREFIX, Stage, eventually


@pytest.fixture
def kith(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MONGODB_URI", stage.servers.mongodb_uri)
    monkeypatch.setenv("AMQP_URI", stage.servers.amqp_uri)
    monkeypatch.setenv("KITH_DATABASE_PREFIX", PREFIX)

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(events, arguments)
        assert result.exit_code == 0, result.output
        return result

    return run


def test_list_shows_what_happened_as_cloud_events(stage: Stage, tenant: str, kith: Any) -> None:
    [lead] = stage.create(tenant, "Engines")
    stage.update(tenant, lead.name, "Looms")
    lines = kith("list", "--tenant", tenant, "--json").output.splitlines()
    created, updated = (json.loads(line) for line in lines)
    assert (created["type"], created["subject"]) == ("kith.sales.v1.lead.created", lead.name)
    assert updated["data"]["changes"] == [{"field": "company", "before": "Engines", "after": "Looms"}]
    assert "lead.updated" in kith("list", "--record", lead.name, "--since", "5m", "--service", "sales").output


def test_replay_rebuilds_a_read_model_that_was_lost_and_doubles_none(stage: Stage, tenant: str, kith: Any) -> None:
    [lead] = stage.create(tenant, "Engines")
    stage.update(tenant, lead.name, "Looms")
    stage.await_noted(tenant, 2)
    stage.insight["leads_seen"].delete_one({"_id": lead.name})
    stage.insight[NOTES].delete_many({"tenant": tenant})
    sent = json.loads(kith("replay", "--service", "insight", "--tenant", tenant, "--json").output)
    assert sent == {"service": "insight", "sent": 2}
    stage.await_noted(tenant, 2)
    assert eventually(lambda: stage.seen(lead.name))["company"] == "Looms"
    assert (stage.seen(lead.name) or {})["_version"] == 2


def test_what_is_parked_is_listed_with_its_reason_and_stays_until_it_is_sent_back_or_dropped(
    stage: Stage, tenant: str, kith: Any
) -> None:
    stage.parked()
    stage.create(tenant, "always fail", number=2)
    parked = topology.parking_queue("insight")
    eventually(lambda: stage.waiting(parked) == 2)
    for _ in range(2):
        first, second = json.loads(kith("dead", "--service", "insight", "--json").output)
    assert (first["tenant"], first["attempts"], first["type"]) == (tenant, 4, "kith.sales.v1.lead.created")
    assert first["reason"].startswith("Broken: ")
    assert "2 parked" in kith("dead").output
    kith("replay", "--service", "insight", "--dead", "--id", first["id"])
    eventually(lambda: stage.waiting(parked) == 2)  # it failed again, from its first attempt on
    again = {one["id"]: one for one in json.loads(kith("dead", "--service", "insight", "--json").output)}
    assert again[first["id"]]["first"] > second["last"]
    assert "2 dropped" in kith("dead", "--service", "insight", "--drop").output
    assert stage.waiting(parked) == 0


def test_without_a_platform_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.delenv("MONGODB_URI", raising=False)
    monkeypatch.setenv("KITH_HOME", str(tmp_path))
    result = CliRunner().invoke(events, ["list"])
    assert result.exit_code == 1
    assert "make up" in result.output
