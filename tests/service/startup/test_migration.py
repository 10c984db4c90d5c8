"""Migrations only add; what nobody declares any more goes days later; nobody else's indexes are touched."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.database import Database

from services.chassis import indexes, migration
from services.chassis.indexes import Declared
from services.chassis.lease import Lease
from services.chassis.migration import MigrationFailed, Outcome
from services.chassis.mongo import Client
from services.chassis.patience import NotYet
from services.chassis.resources.bson_codec import Document
from services.identity.records import RECORDS
from tests.service.startup.conftest import Start
from tests.service.startup.processes import eventually

KEEP = datetime.timedelta(days=7)
MONDAY = datetime.datetime(2026, 6, 1)
BY_NAME = IndexModel([("tenant", ASCENDING), ("name", ASCENDING)], name="name")
BY_CITY = IndexModel([("tenant", ASCENDING), ("city", ASCENDING)], name="city")
EXPIRY = IndexModel([("time", ASCENDING)], name="time", expireAfterSeconds=60)


@pytest.fixture
def database(client: Client, prefix: str) -> Iterator[Database[Document]]:
    yield client[f"{prefix}things"]
    client.drop_database(f"{prefix}things")


def _migrate(database: Database[Document], wanted: Declared, days: float = 0) -> Outcome:
    """A migration so many days after Monday."""
    return migration.migrate(database, wanted, KEEP, MONDAY + datetime.timedelta(days=days))


def _names(database: Database[Document], collection: str = "things") -> list[str]:
    return [name for name in database[collection].index_information() if name != "_id_"]


def test_what_is_missing_is_created_once(database: Database[Document]) -> None:
    wanted = {"things": [BY_NAME, BY_CITY], "others": [BY_NAME]}
    assert _migrate(database, wanted).added == ["things.name", "things.city", "others.name"]
    assert _migrate(database, wanted) == Outcome([], [], [], [])


def test_a_database_that_is_not_migrated_is_refused_and_says_what_is_missing(database: Database[Document]) -> None:
    wanted = {"things": [BY_NAME, BY_CITY]}
    with pytest.raises(NotYet, match=r"index things\.name and 1 more is missing .* waits for `migrate`"):
        migration.require(database, wanted)
    migration.expand(database, wanted)
    migration.require(database, wanted)


def test_what_nobody_declares_is_dropped_when_every_version_has_had_a_week_to_go(database: Database[Document]) -> None:
    _migrate(database, {"things": [BY_NAME, BY_CITY]})
    for day in (0, 1, 6.9):
        outcome = _migrate(database, {"things": [BY_NAME]}, day)
        assert (outcome.unused, outcome.dropped) == (["things.city"], [])
        assert _names(database) == ["name", "city"]
    assert _migrate(database, {"things": [BY_NAME]}, 7) == Outcome([], [], [], ["things.city"])
    assert _names(database) == ["name"]
    assert database[migration.COLLECTION].count_documents({}) == 0


def test_what_is_declared_again_has_its_week_again(database: Database[Document]) -> None:
    both: Declared = {"things": [BY_NAME, BY_CITY]}
    _migrate(database, both)
    _migrate(database, {"things": [BY_NAME]}, 0)
    assert _migrate(database, both, 6) == Outcome([], [], [], [])
    assert _migrate(database, {"things": [BY_NAME]}, 8).unused == ["things.city"]
    assert _migrate(database, {"things": [BY_NAME]}, 14).dropped == []
    assert _migrate(database, {"things": [BY_NAME]}, 15).dropped == ["things.city"]


def test_a_collection_that_came_to_need_no_index_loses_those_it_had(database: Database[Document]) -> None:
    _migrate(database, {"things": [BY_NAME]})
    _migrate(database, {"things": []})
    assert _migrate(database, {"things": []}, 7).dropped == ["things.name"]


def test_other_collections_and_an_operators_own_indexes_are_left_alone(database: Database[Document]) -> None:
    database["somebody"].create_indexes([BY_CITY])
    database["things"].create_index("size", name="own_size")
    _migrate(database, {"things": [BY_NAME]})
    assert _migrate(database, {"things": [BY_NAME]}, 30) == Outcome([], [], [], [])
    assert _names(database, "somebody") == ["city"]
    assert _names(database) == ["own_size", "name"]
    assert "_id_" in database["things"].index_information()


@pytest.mark.parametrize(
    "changed",
    [
        IndexModel([("tenant", ASCENDING), ("name", DESCENDING)], name="name"),
        IndexModel([("name", ASCENDING), ("tenant", ASCENDING)], name="name"),
        IndexModel(BY_NAME.document["key"], name="name", unique=True),
        IndexModel(BY_NAME.document["key"], name="name", partialFilterExpression={"name": {"$exists": True}}),
    ],
)
def test_an_index_that_changes_needs_a_new_name(database: Database[Document], changed: IndexModel) -> None:
    _migrate(database, {"things": [BY_NAME, BY_CITY]})
    database[migration.COLLECTION].insert_one({"_id": "things.city", "since": MONDAY})
    with pytest.raises(MigrationFailed, match=r"things\.name exists with another definition: give it a new name"):
        _migrate(database, {"things": [changed]}, 30)
    assert _names(database) == ["name", "city"], "nothing is dropped by a migration that fails"
    with pytest.raises(NotYet, match="give it a new name"):
        migration.require(database, {"things": [changed]})


def test_an_index_cannot_be_had_under_two_names(database: Database[Document]) -> None:
    _migrate(database, {"things": [BY_NAME]})
    with pytest.raises(MigrationFailed, match=r"things\.title exists as things\.name: keep that name"):
        _migrate(database, {"things": [IndexModel(BY_NAME.document["key"], name="title")]})


def test_how_long_documents_live_is_changed_in_place_and_keeps_no_version_waiting(database: Database[Document]) -> None:
    _migrate(database, {"things": [EXPIRY]})
    longer: Declared = {"things": [IndexModel([("time", ASCENDING)], name="time", expireAfterSeconds=3600)]}
    migration.require(database, longer)
    assert _migrate(database, longer).retimed == ["things.time"]
    assert database["things"].index_information()["time"]["expireAfterSeconds"] == 3600


def test_records_that_share_what_shall_be_unique_are_told_without_their_values(database: Database[Document]) -> None:
    database["things"].insert_many([{"tenant": "t", "email": "ada@example.org"} for _ in range(2)])
    unique = IndexModel([("tenant", ASCENDING), ("email", ASCENDING)], name="email", unique=True)
    with pytest.raises(MigrationFailed, match=r"things\.email: records share a value in tenant, email") as failed:
        _migrate(database, {"things": [unique]})
    assert "ada" not in str(failed.value)


def test_of_two_migrations_at_once_one_works_and_the_other_finds_nothing_to_do(
    start: Start, client: Client, prefix: str
) -> None:
    lease = Lease(client[f"{prefix}identity"], "migration")
    assert lease.acquire()
    both = [start("identity", "migrate"), start("identity", "migrate")]
    for process in both:
        eventually(process.reasons)
        assert process.reasons() == ["another migration is under way"]
    lease.release()
    assert [process.wait() for process in both] == [0, 0]
    done = [process.lines()[-1]["added"] for process in both]
    assert sorted(map(len, done)) == [0, len(indexes.names(indexes.declared(RECORDS)))]


def test_a_migration_that_was_killed_goes_on_when_it_is_run_again(start: Start, client: Client, prefix: str) -> None:
    database, wanted = client[f"{prefix}identity"], indexes.declared(RECORDS)
    # Three collections are done at once, each of the others is held up.
    held = {"failCommands": ["createIndexes"], "appName": "kith", "blockConnection": True, "blockTimeMS": 3_000}
    client.admin.command("configureFailPoint", "failCommand", mode={"skip": 3}, data=held)
    first = start("identity", "migrate")
    eventually(lambda: len(indexes.compare(database, wanted).missing) <= len(wanted) - 3)
    first.kill()
    client.admin.command("configureFailPoint", "failCommand", mode="off")
    second = start("identity", "migrate")
    assert second.wait() == 0
    assert 0 < len(second.lines()[-1]["added"]) < len(indexes.names(wanted))
    migration.require(database, wanted)


def test_a_conflict_ends_the_command_with_one_clear_line(start: Start, client: Client, prefix: str) -> None:
    client[f"{prefix}contact"]["contacts"].create_index([("owner", ASCENDING)], name="owner")
    process = start("contact", "migrate")
    assert process.wait() == 2
    (line,) = process.log.read_text().splitlines()
    assert line.endswith("contacts.owner exists with another definition: give it a new name")


def test_a_migration_says_in_one_line_what_it_did(start: Start, client: Client, prefix: str) -> None:
    database = client[f"{prefix}insight"]
    assert start("insight", "migrate").wait() == 0
    database["changes"].create_indexes([BY_CITY])
    seen = start("insight", "migrate")
    assert seen.wait() == 0
    (line,) = seen.lines()
    assert (line["message"], line["added"], line["unused"], line["dropped"]) == ("migrated", [], ["changes.city"], [])
    gone = start("insight", "migrate", KITH_KEEP_INDEXES_DAYS="0")
    assert gone.wait() == 0
    assert gone.lines()[-1]["dropped"] == ["changes.city"]
