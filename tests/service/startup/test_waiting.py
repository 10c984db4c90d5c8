"""Processes come up alive and unready while what they need is away, and go on by themselves when it comes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from kith.identity.v1 import session_service_pb2 as session_pb

from cli.local import mongodb
from cli.local.ports import Ports
from services.chassis.lease import Lease
from services.chassis.mongo import Client
from tests.service.bus.servers import Server
from tests.service.startup.conftest import Start
from tests.service.startup.processes import NOT_SERVING, SERVING, Process, eventually

SIGN_IN = "/kith.identity.v1.SessionService/SignIn"


def test_an_api_waits_alive_for_mongodb_then_for_its_migration_and_then_serves(
    start: Start, database_server: Server
) -> None:
    database_server.kill()
    api = start("identity", "api")
    eventually(api.reasons)
    assert (api.health("live"), api.health("")) == (SERVING, NOT_SERVING)
    assert "Connection refused" in api.reasons()[0]

    database_server.start()
    database_server.await_ready()
    eventually(lambda: "it waits for `migrate`" in api.reasons()[-1])
    assert (api.health("live"), api.health("")) == (SERVING, NOT_SERVING)

    assert start("identity", "migrate").wait() == 0
    eventually(lambda: api.health("") == SERVING)
    assert api.health("", "KITH_LISTEN") == SERVING
    said = api.reasons()
    assert len(said) == len([reason for reason, last in zip(said, ["", *said], strict=False) if reason != last])


def test_an_api_waits_alive_for_identity(start: Start) -> None:
    assert start("contact", "migrate").wait() == 0
    assert start("identity", "migrate").wait() == 0
    contact = start("contact", "api")
    eventually(lambda: contact.health("", "KITH_LISTEN") == NOT_SERVING)
    assert (contact.health("live"), contact.health("")) == (SERVING, NOT_SERVING)
    start("identity", "api", KITH_LISTEN=contact.environment["KITH_IDENTITY_ADDRESS"])
    eventually(lambda: contact.health("") == SERVING)


def test_a_worker_waits_alive_for_mongodb_then_for_its_migration_and_then_for_rabbitmq(
    start: Start, database_server: Server
) -> None:
    database_server.kill()
    worker = start("contact", "worker")
    eventually(lambda: "MongoDB does not answer" in worker.probe("/readyz")[1])
    assert worker.probe("/livez")[0] == 200
    assert worker.probe("/readyz")[0] == 503

    database_server.start()
    database_server.await_ready()
    eventually(lambda: "it waits for `migrate`" in worker.probe("/readyz")[1])
    assert worker.probe("/livez")[0] == 200

    assert start("contact", "migrate").wait() == 0
    eventually(lambda: "no connection to RabbitMQ" in worker.probe("/readyz")[1])
    assert worker.probe("/livez")[0] == 200
    worker.terminate()
    assert worker.wait() == 0


@pytest.mark.parametrize("command", ["api", "worker"])
def test_a_process_that_waits_ends_in_order_when_it_is_told_to(
    start: Start, database_server: Server, command: str
) -> None:
    database_server.kill()
    process = start("identity", command)
    eventually(process.reasons)
    process.terminate()
    assert process.wait() == 0
    assert "Traceback" not in process.log.read_text()


def test_a_migration_that_waits_ends_when_it_is_told_to(start: Start, database_server: Server) -> None:
    database_server.kill()
    process = start("contact", "migrate")
    eventually(process.reasons)
    process.terminate()
    assert process.wait() == 128 + signal.SIGTERM
    assert "Traceback" not in process.log.read_text()


def test_a_database_that_goes_away_later_makes_nobody_kill_the_api(database_server: Server, identity: Process) -> None:
    database_server.kill()
    assert _outcome(identity) is grpc.StatusCode.UNAVAILABLE
    assert identity.health("live") == SERVING
    # It would be no better elsewhere: callers get its clear answer instead of no connection.
    assert identity.health("") == SERVING


def test_probes_are_answered_while_all_threads_are_taken(client: Client, identity: Process) -> None:
    held = _Failing(client, "find", blockConnection=True, blockTimeMS=5_000)
    with ThreadPoolExecutor(4) as pool, held:
        calls = [pool.submit(_outcome, identity) for _ in range(4)]
        eventually(held.entered)
        for _ in range(5):
            assert identity.health("live") == SERVING
        assert not any(call.done() for call in calls), "they were to be in progress until now"


def test_an_api_that_is_told_to_end_says_so_serves_on_for_a_while_and_ends_in_order(start: Start) -> None:
    assert start("identity", "migrate").wait() == 0
    api = start("identity", "api", KITH_DRAIN_SECONDS="8")
    eventually(lambda: api.health("") == SERVING)
    api.terminate()
    eventually(lambda: api.health("") == NOT_SERVING)
    assert api.health("live") == SERVING
    assert api.health("", "KITH_LISTEN") == NOT_SERVING
    assert _outcome(api) == grpc.StatusCode.UNAUTHENTICATED, "it still answers"
    assert api.wait() == 0
    assert "Traceback" not in api.log.read_text()


def test_an_api_does_not_start_amid_a_migration(start: Start, client: Client, prefix: str) -> None:
    assert start("identity", "migrate").wait() == 0
    lease = Lease(client[f"{prefix}identity"], "migration")
    assert lease.acquire()
    api = start("identity", "api")
    eventually(api.reasons)
    assert "is under way" in api.reasons()[-1]
    lease.release()
    eventually(lambda: api.health("") == SERVING)


def test_a_user_who_may_not_see_the_deployments_defaults_may_serve(start: Start, client: Client) -> None:
    assert start("identity", "migrate").wait() == 0
    with _Failing(client, "getDefaultRWConcern", errorCode=13):
        api = start("identity", "api")
        eventually(lambda: api.health("") == SERVING)


@pytest.mark.parametrize("command", ["api", "worker", "migrate"])
def test_a_single_server_ends_a_process_with_one_clear_line(start: Start, single_server: str, command: str) -> None:
    process = start("identity", command, MONGODB_URI=single_server)
    assert process.wait() == 2
    (line,) = process.log.read_text().splitlines()
    assert "transactions need a replica set" in line


@pytest.mark.parametrize("uri", ["http://example.org", "mongodb://user:hunter2@host:99999/"])
def test_an_address_that_is_none_ends_a_process_and_is_not_quoted(start: Start, uri: str) -> None:
    process = start("contact", "migrate", MONGODB_URI=uri)
    assert process.wait() == 2
    (line,) = process.log.read_text().splitlines()
    assert "MONGODB_URI is no valid MongoDB URI" in line
    assert "hunter2" not in line


def test_a_tenant_is_made_as_soon_as_the_database_is_there_and_migrated(
    start: Start, database_server: Server, tmp_path: Path
) -> None:
    database_server.kill()
    (tmp_path / "password").write_text("correct horse battery")
    who = ("--tenant", "patience", "--email", "admin@patience.example")
    made = start("identity", "bootstrap", *who, "--password-file", str(tmp_path / "password"), "--json")
    eventually(made.reasons)
    database_server.start()
    database_server.await_ready()
    eventually(lambda: "it waits for `migrate`" in made.reasons()[-1])
    assert start("identity", "migrate").wait() == 0
    assert made.wait() == 0
    assert made.log.read_text().splitlines()[-1].startswith('{"tenant": "patience"')


@pytest.fixture
def identity(start: Start) -> Process:
    """Identity's api, serving with one thread."""
    assert start("identity", "migrate").wait() == 0
    api = start("identity", "api", KITH_THREADS="1")
    eventually(lambda: api.health("") == SERVING)
    return api


@pytest.fixture
def single_server(home: Path, ports: Ports, tmp_path: Path) -> Iterator[str]:
    """The address of a mongod that is no replica set."""
    port = ports.take("single")
    unit = mongodb.unit(tmp_path, port)
    alone = tuple(word for word in unit.command if word not in ("--replSet", mongodb.REPLICA_SET))
    address = f"mongodb://127.0.0.1:{port}/"
    server = Server(type(unit)(name="single", command=alone, address=address), tmp_path / "single.log")
    server.start()
    server.await_ready()
    yield address
    server.kill()


class _Failing:
    """Has MongoDB fail or hold back a command of Kith's processes."""

    def __init__(self, client: Client, command: str, **how: Any) -> None:
        self._client = client
        self._data = {"failCommands": [command], "appName": "kith", **how}

    def __enter__(self) -> None:
        self._client.admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=self._data)

    def entered(self) -> bool:
        """Whether it has happened."""
        told = self._client.admin.command({"getParameter": 1, "failpoint.failCommand": 1})
        return bool(told["failpoint.failCommand"]["timesEntered"])

    def __exit__(self, *_: object) -> None:
        self._client.admin.command("configureFailPoint", "failCommand", mode="off")


def _outcome(api: Process) -> grpc.StatusCode:
    """How an attempt to sign in ends: it needs the database, and no permission."""
    request = session_pb.SignInRequest(tenant="nobody", email="nobody@example.org", password="wrong horse")
    with grpc.insecure_channel(api.environment["KITH_LISTEN"]) as channel:
        try:
            channel.unary_unary(SIGN_IN, session_pb.SignInRequest.SerializeToString)(request, timeout=10)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return grpc.StatusCode.OK
