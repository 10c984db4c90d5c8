"""A repeated request has one effect and one answer (AIP-155, Stripe's rules)."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor

import pytest
from kith.contact.v1.contact_pb2 import Contact
from kith.contact.v1.contact_service_pb2 import (
    BatchCreateContactsRequest,
    CreateContactRequest,
    DeleteContactRequest,
    ListContactsRequest,
    UpdateContactRequest,
)

from services.chassis import errors
from services.chassis.resources import requests
from services.chassis.resources.changes import COLLECTION
from tests.service.resources.conftest import Caller


def create(request_id: str, family_name: str = "Lovelace") -> CreateContactRequest:
    return CreateContactRequest(contact=Contact(family_name=family_name), request_id=request_id)


def count(caller: Caller) -> int:
    return len(caller.ListContacts(ListContactsRequest(page_size=1000)).contacts)


def test_the_same_request_is_answered_as_the_first_one_was(caller: Caller) -> None:
    first = caller.CreateContact(create("one"))
    caller.UpdateContact(UpdateContactRequest(contact=Contact(name=first.name, title="changed since")))
    assert caller.CreateContact(create("one")) == first
    assert count(caller) == 1


def test_the_same_request_sixteen_times_at_once_has_one_effect(caller: Caller) -> None:
    def attempt(_: int) -> str:
        try:
            return str(caller.CreateContact(create("at once")).name)
        except errors.Aborted:
            return "in progress"

    with ThreadPoolExecutor(16) as threads:
        answers = set(threads.map(attempt, range(16))) - {"in progress"}
    assert len(answers) == 1
    assert count(caller) == 1


def test_the_same_id_with_another_body_is_an_error_that_names_the_field(caller: Caller) -> None:
    caller.CreateContact(create("two"))
    with pytest.raises(errors.InvalidArgument) as caught:
        caller.CreateContact(create("two", family_name="Byron"))
    assert (caught.value.reason, caught.value.violations[0].field) == ("REQUEST_ID_REUSED", "request_id")
    assert count(caller) == 1


def test_ids_are_each_callers_own(caller: Caller) -> None:
    mine = caller.CreateContact(create("three"))
    theirs = caller.of_tenant("other").CreateContact(create("three"))
    assert mine.name != theirs.name


def test_a_request_that_failed_can_be_repeated(caller: Caller) -> None:
    with pytest.raises(errors.InvalidArgument):
        caller.CreateContact(CreateContactRequest(contact=Contact(title="nobody"), request_id="four"))
    assert caller.CreateContact(create("four")).family_name == "Lovelace"


def test_a_batch_is_repeated_as_a_whole(caller: Caller) -> None:
    batch = BatchCreateContactsRequest(requests=[create("", str(index)) for index in range(3)], request_id="five")
    assert caller.BatchCreateContacts(batch) == caller.BatchCreateContacts(batch)
    assert count(caller) == 3


def test_updates_and_deletes_are_repeated_too(caller: Caller) -> None:
    contact = caller.CreateContact(create("six"))
    changed = Contact(name=contact.name, title="A", etag="1")
    update = UpdateContactRequest(contact=changed, request_id="seven")
    assert caller.UpdateContact(update) == caller.UpdateContact(update)
    delete = DeleteContactRequest(name=contact.name, etag="2", request_id="eight")
    assert caller.DeleteContact(delete) == caller.DeleteContact(delete)


def test_ids_are_forgotten_after_seven_days(caller: Caller) -> None:
    first = caller.CreateContact(create("nine"))
    later = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(days=7, seconds=1)
    requests.forget_expired(caller.store.database, later)
    assert caller.store.database[COLLECTION].count_documents({"request.key": {"$exists": True}}) == 0
    assert caller.CreateContact(create("nine")).name != first.name
