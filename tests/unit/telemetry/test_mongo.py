"""MongoDB commands become spans, seen at a real server."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError, PyMongoError

from cli.local import mongodb
from cli.local.ports import Ports
from services.chassis import telemetry
from services.chassis.telemetry.mongo import MongoSpans
from tests.unit.telemetry.conftest import Kept

Client = MongoClient[dict[str, Any]]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client with the listener, of a replica set of its own."""
    home = tmp_path_factory.mktemp("mongodb")
    port = Ports(home / "ports.json").take("mongodb")
    server = subprocess.Popen(mongodb.unit(home, port).command, stdout=subprocess.DEVNULL)
    try:
        _until_primary(port)
        with Client(mongodb.uri(port), event_listeners=[MongoSpans()]) as client:
            client.kith_test.contacts.create_index("email", unique=True)
            yield client
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(home)


def test_a_command_is_told_by_name_collection_and_database(client: Client, kept: Kept) -> None:
    with telemetry.server_span("work") as work:
        client.kith_test.contacts.find_one({"email": "ada@example.com"})
    find, _ = kept.all()
    assert find.name == "find contacts"
    assert find.kind == WireSpan.SPAN_KIND_CLIENT
    assert find.parent_span_id.hex() == work.span_id
    assert {pair.key: pair.value.string_value for pair in find.attributes} == {
        "db.system.name": "mongodb",
        "db.operation.name": "find",
        "db.collection.name": "contacts",
        "db.namespace": "kith_test",
    }


def test_a_transaction_shows_its_writes_and_its_commit(client: Client, kept: Kept) -> None:
    with telemetry.server_span("work"), client.start_session() as session, session.start_transaction():
        client.kith_test.contacts.insert_one({"email": "1"}, session=session)
        client.kith_test.changes.insert_one({"record": "contacts/1"}, session=session)
    names = [span.name for span in kept.all()]
    assert names == ["insert contacts", "insert changes", "commitTransaction", "work"]


def test_no_value_is_written_even_when_the_command_fails(client: Client, kept: Kept) -> None:
    with telemetry.server_span("work"):
        client.kith_test.contacts.insert_one({"email": "grace@example.com"})
        with pytest.raises(DuplicateKeyError):
            client.kith_test.contacts.insert_one({"email": "grace@example.com"})
        with pytest.raises(PyMongoError):
            client.kith_test.command("find", "contacts", filter={"$nonsense": "grace@example.com"})
    assert "grace" not in str(kept.all())
    failed = kept.all()[2]
    assert failed.status.code == Status.STATUS_CODE_ERROR
    told = {pair.key: pair.value.string_value for pair in failed.attributes}
    assert (told["db.response.status_code"], told["error.type"]) == ("2", "BadValue")


def test_what_happens_outside_of_a_recorded_span_is_not_spanned(client: Client, kept: Kept) -> None:
    client.kith_test.contacts.find_one({})
    with telemetry.server_span("work", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"):
        client.kith_test.contacts.find_one({})
    with telemetry.server_span("work"):
        client.admin.command("ping")
    assert [span.name for span in kept.all()] == ["work"]


def _until_primary(port: int) -> None:
    deadline = time.monotonic() + 30
    while not mongodb.initiate(port):
        assert time.monotonic() < deadline, "mongod did not start"
        time.sleep(0.1)
    with Client(mongodb.uri(port), serverSelectionTimeoutMS=20_000) as client:
        client.admin.command("ping")
