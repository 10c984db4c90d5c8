"""What the engine promises for every record, shown on contacts and accounts in a real MongoDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from kith.contact.v1.account_pb2 import Account
from kith.contact.v1.account_service_pb2 import CreateAccountRequest
from kith.contact.v1.contact_pb2 import Contact
from kith.contact.v1.contact_service_pb2 import (
    BatchCreateContactsRequest,
    BatchGetContactsRequest,
    CreateContactRequest,
    DeleteContactRequest,
    GetContactRequest,
    ListContactChangesRequest,
    ListContactsRequest,
    UndeleteContactRequest,
    UpdateContactRequest,
)

from services.chassis import errors
from tests.service.resources.conftest import Caller


def ada(**fields: Any) -> CreateContactRequest:
    return CreateContactRequest(contact=Contact(given_name="Ada", family_name="Lovelace", **fields))


def test_a_created_record_has_a_name_an_etag_its_times_and_its_creator(caller: Caller) -> None:
    contact = caller.CreateContact(ada())
    assert contact.name.startswith("contacts/")
    assert contact.etag == "1"
    assert contact.create_time == contact.update_time
    assert contact.creator == "users/somebody"
    assert caller.GetContact(GetContactRequest(name=contact.name)) == contact


def test_what_only_the_platform_sets_is_ignored_when_a_caller_gives_it(caller: Caller) -> None:
    contact = caller.CreateContact(ada(name="contacts/mine", creator="users/other", etag="99"))
    assert contact.name != "contacts/mine"
    assert (contact.creator, contact.etag) == ("users/somebody", "1")


def test_an_update_changes_the_masked_fields_and_no_other(caller: Caller) -> None:
    contact = caller.CreateContact(ada(title="Countess"))
    changed = Contact(name=contact.name, given_name="Augusta", title="Mathematician")
    updated = caller.UpdateContact(UpdateContactRequest(contact=changed, update_mask={"paths": ["title"]}))
    assert (updated.given_name, updated.title, updated.etag) == ("Ada", "Mathematician", "2")


def test_an_update_with_an_old_etag_is_aborted_and_changes_nothing(caller: Caller) -> None:
    contact = caller.CreateContact(ada())
    first = Contact(name=contact.name, title="A", etag=contact.etag)
    caller.UpdateContact(UpdateContactRequest(contact=first))
    with pytest.raises(errors.Aborted) as caught:
        caller.UpdateContact(UpdateContactRequest(contact=Contact(name=contact.name, title="B", etag=contact.etag)))
    assert caught.value.metadata["etag"] == "2"
    assert caller.GetContact(GetContactRequest(name=contact.name)).title == "A"


def test_an_update_that_alters_nothing_is_no_change(caller: Caller) -> None:
    contact = caller.CreateContact(ada(title="A"))
    same = caller.UpdateContact(UpdateContactRequest(contact=Contact(name=contact.name, title="A")))
    assert same == contact
    assert len(caller.ListContactChanges(ListContactChangesRequest(name=contact.name)).changes) == 1


def test_updates_of_one_record_at_once_are_all_kept(caller: Caller) -> None:
    contact = caller.CreateContact(ada())
    fields = ["title", "department", "lead_source", "description", "honorific_prefix"]

    def update(field: str) -> None:
        values: dict[str, Any] = {field: field}
        changed = Contact(name=contact.name, **values)
        caller.UpdateContact(UpdateContactRequest(contact=changed, update_mask={"paths": [field]}))

    with ThreadPoolExecutor(len(fields)) as threads:
        list(threads.map(update, fields))
    updated = caller.GetContact(GetContactRequest(name=contact.name))
    assert [getattr(updated, field) for field in fields] == fields
    assert updated.etag == str(1 + len(fields))


def test_history_says_who_changed_which_field_from_what_to_what(caller: Caller) -> None:
    contact = caller.CreateContact(ada(title="Countess"))
    caller.UpdateContact(UpdateContactRequest(contact=Contact(name=contact.name, title="Mathematician")))
    updated, created = caller.ListContactChanges(ListContactChangesRequest(name=contact.name)).changes
    assert (created.verb, updated.verb, updated.version, updated.actor) == ("created", "updated", 2, "users/somebody")
    field = updated.fields[0]
    assert (field.field, field.before.string_value, field.after.string_value) == ("title", "Countess", "Mathematician")
    assert {field.field for field in created.fields} >= {"givenName", "familyName", "title"}


def test_history_comes_in_pages(caller: Caller) -> None:
    contact = caller.CreateContact(ada())
    for title in "ABCD":
        caller.UpdateContact(UpdateContactRequest(contact=Contact(name=contact.name, title=title)))
    versions, token = [], ""
    while True:
        request = ListContactChangesRequest(name=contact.name, page_size=2, page_token=token)
        page = caller.ListContactChanges(request)
        versions += [change.version for change in page.changes]
        token = page.next_page_token
        if not token:
            break
    assert versions == [5, 4, 3, 2, 1]


def test_a_deleted_record_leaves_lists_and_comes_back(caller: Caller) -> None:
    contact = caller.CreateContact(ada())
    deleted = caller.DeleteContact(DeleteContactRequest(name=contact.name))
    assert deleted.HasField("delete_time")
    assert not caller.ListContacts(ListContactsRequest()).contacts
    assert len(caller.ListContacts(ListContactsRequest(show_deleted=True)).contacts) == 1
    with pytest.raises(errors.NotFound):
        caller.UpdateContact(UpdateContactRequest(contact=Contact(name=contact.name, title="A")))
    caller.UndeleteContact(UndeleteContactRequest(name=contact.name))
    assert [found.name for found in caller.ListContacts(ListContactsRequest()).contacts] == [contact.name]


def test_a_thousand_records_are_created_together_or_not_at_all(caller: Caller) -> None:
    requests = [CreateContactRequest(contact=Contact(family_name=f"Person {index}")) for index in range(1000)]
    created = caller.BatchCreateContacts(BatchCreateContactsRequest(requests=requests)).contacts
    assert [contact.family_name for contact in created] == [f"Person {index}" for index in range(1000)]
    broken = [*requests[:3], CreateContactRequest(contact=Contact(title="nobody"))]
    with pytest.raises(errors.InvalidArgument):
        caller.BatchCreateContacts(BatchCreateContactsRequest(requests=broken))
    everybody = caller.ListContacts(ListContactsRequest(page_size=1000))
    assert (len(everybody.contacts), everybody.next_page_token) == (1000, "")


def test_several_are_got_in_the_order_of_their_names_or_none(caller: Caller) -> None:
    names = [caller.CreateContact(ada(title=str(index))).name for index in range(3)]
    names.reverse()
    found = caller.BatchGetContacts(BatchGetContactsRequest(names=names)).contacts
    assert [contact.name for contact in found] == names
    with pytest.raises(errors.NotFound):
        caller.BatchGetContacts(BatchGetContactsRequest(names=[*names, "contacts/nobody"]))


def test_nothing_crosses_tenants(caller: Caller) -> None:
    contact = caller.CreateContact(ada())
    stranger = caller.of_tenant("somebody-else")
    for method, request in (
        (stranger.GetContact, GetContactRequest(name=contact.name)),
        (stranger.UpdateContact, UpdateContactRequest(contact=Contact(name=contact.name, title="mine"))),
        (stranger.DeleteContact, DeleteContactRequest(name=contact.name)),
        (stranger.ListContactChanges, ListContactChangesRequest(name=contact.name)),
        (stranger.BatchGetContacts, BatchGetContactsRequest(names=[contact.name])),
    ):
        with pytest.raises(errors.NotFound):
            method(request)
    assert caller.GetContact(GetContactRequest(name=contact.name)) == contact


def test_a_reference_must_name_a_live_record_of_the_right_kind_in_the_tenant(caller: Caller) -> None:
    account = caller.CreateAccount(CreateAccountRequest(account=Account(display_name="Analytical Engines")))
    assert caller.CreateContact(ada(account=account.name)).account == account.name
    stranger = caller.of_tenant("somebody-else")
    foreign = stranger.CreateAccount(CreateAccountRequest(account=Account(display_name="Theirs")))
    for wrong in (foreign.name, "accounts/nothing", "contacts/nothing", "nonsense", "accounts/$ne"):
        with pytest.raises(errors.InvalidArgument) as caught:
            caller.CreateContact(ada(account=wrong))
        assert caught.value.violations[0].field == "contact.account"


def test_a_unique_value_is_taken_until_its_record_is_deleted(caller: Caller) -> None:
    contact = caller.CreateContact(ada(external_id="sf:1"))
    with pytest.raises(errors.AlreadyExists) as caught:
        caller.CreateContact(ada(external_id="sf:1"))
    assert caught.value.violations[0].field == "external_id"
    caller.DeleteContact(DeleteContactRequest(name=contact.name))
    assert caller.CreateContact(ada(external_id="sf:1")).external_id == "sf:1"


def test_a_list_is_filtered_ordered_and_paged(caller: Caller) -> None:
    for title in ("b", "a", "c", "a"):
        caller.CreateContact(ada(title=title))
    titles, token = [], ""
    while True:
        request = ListContactsRequest(filter='title != "c"', order_by="title desc", page_size=2, page_token=token)
        page = caller.ListContacts(request)
        titles += [contact.title for contact in page.contacts]
        token = page.next_page_token
        if not token:
            break
    assert titles == ["b", "a", "a"]


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        (("İbrahim", "Yıldız"), "ibra yil"),
        (("Åse", "Sørensen"), "soeren aa"),
        (("محمد", "الأحمد"), "محمد الاحمد"),
        (("小明", "王"), "小明"),
        (("Zoë", "Müller"), "MULL zoe"),
    ],
)
def test_people_are_found_by_the_beginnings_of_their_names_in_any_script(
    caller: Caller, name: tuple[str, str], typed: str
) -> None:
    caller.CreateContact(ada())
    wanted = caller.CreateContact(CreateContactRequest(contact=Contact(given_name=name[0], family_name=name[1])))
    found = caller.ListContacts(ListContactsRequest(q=typed)).contacts
    assert [contact.name for contact in found] == [wanted.name]


def test_the_database_refuses_to_serve_with_weaker_concerns(caller: Caller) -> None:
    database = caller.store.database
    assert database.write_concern.document == {"w": "majority", "j": True}
    assert database.read_concern.level == "majority"
