from __future__ import annotations

import dataclasses
from pathlib import Path

from click.testing import CliRunner, Result
from pymongo import MongoClient

from cli.cluster.replica_set import replica_set
from cli.local import mongodb
from cli.local.platform import Platform
from cli.local.ports import HOST, Ports
from tests.unit.cli.standins import planned


def kith_replica_set(port: int, *more: str) -> Result:
    address = f"{HOST}:{port}"
    options = ["--uri", f"mongodb://{address}", "--member", address, "--patience", "60", *more]
    return CliRunner().invoke(replica_set, options)


def test_a_server_becomes_primary_of_its_set_once(tmp_path: Path) -> None:
    port = Ports(tmp_path / "ports.json").take("mongodb")
    server = dataclasses.replace(mongodb.unit(tmp_path, port), prepare=None, address=f"tcp://{HOST}:{port}")
    with Platform(tmp_path, planned=planned(server), services=False):
        first, second = kith_replica_set(port), kith_replica_set(port)
        wrong = kith_replica_set(port + 1, "--patience", "0.1")
        with MongoClient[dict[str, object]](mongodb.uri(port)) as client:
            client["trial"]["things"].insert_one({"_id": 1})
    assert (first.exit_code, first.output) == (0, f"{HOST}:{port} is primary of rs0, which was initiated now\n")
    assert (second.exit_code, second.output) == (0, f"{HOST}:{port} is primary of rs0\n")
    assert wrong.exit_code == 1
    assert "did not become primary of rs0 within 0.1 s" in wrong.output


def test_a_server_that_was_told_another_name_is_reported_in_its_own_words(tmp_path: Path) -> None:
    port = Ports(tmp_path / "ports.json").take("mongodb")
    server = dataclasses.replace(mongodb.unit(tmp_path, port), prepare=None, address=f"tcp://{HOST}:{port}")
    with Platform(tmp_path, planned=planned(server), services=False):
        done = kith_replica_set(port, "--name", "other", "--patience", "2")
    assert done.exit_code == 1
    assert "rs0" in done.output
