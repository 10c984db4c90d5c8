"""Leads: defaults, assignment, conversion into records of another service, whatever goes wrong in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from kith.contact.v1 import account_pb2, account_service_pb2, contact_service_pb2
from kith.sales.v1 import lead_service_pb2 as pb
from kith.sales.v1 import opportunity_service_pb2
from kith.sales.v1.lead_pb2 import LEAD_STATUS_CONVERTED, LEAD_STATUS_DISQUALIFIED, LEAD_STATUS_NEW, Lead

from services.chassis import errors
from services.sales.worker import HANDLERS
from tests.service.world import Tenant

LEADS = "kith.sales.v1.LeadService/"
ACCOUNTS = "kith.contact.v1.AccountService/"
CONTACTS = "kith.contact.v1.ContactService/"


def create(tenant: Tenant, **fields: Any) -> Lead:
    lead = {"given_name": "Ada", "family_name": "Lovelace", "company": "Engines", "email": "ada@example.com", **fields}
    made: Lead = tenant.call(LEADS + "CreateLead", pb.CreateLeadRequest(lead=Lead(**lead)))
    return made


def convert(tenant: Tenant, lead: Lead, **fields: Any) -> pb.ConvertLeadResponse:
    answer: pb.ConvertLeadResponse = tenant.call(LEADS + "ConvertLead", pb.ConvertLeadRequest(name=lead.name, **fields))
    return answer


def counted(tenant: Tenant) -> tuple[int, int, int]:
    """How many accounts, contacts and opportunities the tenant has."""
    accounts = tenant.call(ACCOUNTS + "ListAccounts", account_service_pb2.ListAccountsRequest()).accounts
    contacts = tenant.call(CONTACTS + "ListContacts", contact_service_pb2.ListContactsRequest()).contacts
    opportunities = tenant.call(
        "kith.sales.v1.OpportunityService/ListOpportunities", opportunity_service_pb2.ListOpportunitiesRequest()
    ).opportunities
    return len(accounts), len(contacts), len(opportunities)


def update(tenant: Tenant, lead: Lead, **fields: Any) -> Lead:
    changed: Lead = tenant.call(
        LEADS + "UpdateLead",
        pb.UpdateLeadRequest(lead=Lead(name=lead.name, **fields), update_mask={"paths": list(fields)}),
    )
    return changed


def test_a_lead_is_new_and_its_address_is_written_in_one_way(tenant: Tenant) -> None:
    lead = create(tenant, email=" Ada@Example.com".strip())
    assert lead.status == LEAD_STATUS_NEW
    assert lead.email == "ada@example.com"


def test_a_lead_of_nobody_is_refused(tenant: Tenant) -> None:
    with pytest.raises(errors.InvalidArgument, match="give a name"):
        tenant.call(LEADS + "CreateLead", pb.CreateLeadRequest(lead=Lead(message="hello")))


def test_converting_makes_account_contact_and_opportunity_in_one_call(tenant: Tenant) -> None:
    lead = create(tenant, source="Web form", message="Please call", phone="+45 1234", country="Denmark")
    answer = convert(tenant, lead, amount={"currency_code": "EUR", "amount_minor": 125000}, close_date="2027-01-31")
    assert answer.lead.status == LEAD_STATUS_CONVERTED
    assert answer.lead.converted_account == answer.account
    assert answer.lead.converted_contact == answer.contact
    assert answer.lead.converted_opportunity == answer.opportunity.name
    assert answer.opportunity.lead == lead.name
    assert answer.opportunity.display_name == "Engines"
    assert (answer.opportunity.stage, answer.opportunity.amount.amount_minor) == ("Prospecting", 125000)
    contact = tenant.call(CONTACTS + "GetContact", contact_service_pb2.GetContactRequest(name=answer.contact))
    assert (contact.account, contact.email_addresses[0].value) == (answer.account, "ada@example.com")
    assert tenant.verbs(lead.name, "sales") == ["created", "converted"]
    assert counted(tenant) == (1, 1, 1)


def test_a_converted_lead_answers_with_what_it_became(tenant: Tenant) -> None:
    lead = create(tenant)
    first = convert(tenant, lead, etag=lead.etag)
    assert convert(tenant, lead, etag=lead.etag) == first
    assert convert(tenant.as_user("users/other"), lead) == first
    assert counted(tenant) == (1, 1, 1)


def test_a_repeated_request_is_answered_as_the_first_one_even_when_the_lead_changed_since(tenant: Tenant) -> None:
    lead = create(tenant)
    first = convert(tenant, lead, request_id="once")
    update(tenant, lead, title="Countess")
    assert convert(tenant, lead, request_id="once") == first
    with pytest.raises(errors.InvalidArgument, match="request_id"):
        convert(tenant, lead, request_id="once", skip_opportunity=True)


def test_an_opportunity_can_be_skipped_and_a_person_without_company_has_no_account(tenant: Tenant) -> None:
    answer = convert(tenant, create(tenant, company=""), skip_opportunity=True)
    assert (answer.account, answer.HasField("opportunity")) == ("", False)
    assert answer.lead.converted_contact == answer.contact
    assert counted(tenant) == (0, 1, 0)


def test_given_account_and_contact_are_used(tenant: Tenant) -> None:
    account = tenant.call(
        ACCOUNTS + "CreateAccount",
        account_service_pb2.CreateAccountRequest(account=account_pb2.Account(display_name="Acme")),
    )
    first = convert(tenant, create(tenant), account=account.name)
    assert first.account == account.name
    second = convert(tenant, create(tenant), contact=first.contact)
    assert (second.account, second.contact) == (account.name, first.contact)
    assert counted(tenant) == (1, 1, 2)


def test_names_of_nothing_are_refused_before_anything_is_made(tenant: Tenant) -> None:
    lead = create(tenant)
    for field, name in (("account", "accounts/none"), ("contact", "contacts/none"), ("account", "contacts/x")):
        with pytest.raises(errors.InvalidArgument) as refused:
            convert(tenant, lead, **{field: name})
        assert refused.value.violations[0].field == field
    with pytest.raises(errors.InvalidArgument, match="close_date"):
        convert(tenant, lead, close_date="2027-02-30")
    with pytest.raises(errors.Aborted, match="etag"):
        convert(tenant, lead, etag="7")
    with pytest.raises(errors.NotFound):
        convert(tenant, Lead(name="leads/none"))
    assert counted(tenant) == (0, 0, 0)


def test_a_disqualified_lead_and_one_without_a_person_are_not_converted(tenant: Tenant) -> None:
    lead = create(tenant)
    update(tenant, lead, status=LEAD_STATUS_DISQUALIFIED)
    with pytest.raises(errors.FailedPrecondition, match="disqualified"):
        convert(tenant, lead)
    nobody = create(tenant, given_name="", family_name="", email="")
    with pytest.raises(errors.FailedPrecondition, match="no person"):
        convert(tenant, nobody)


def test_the_status_converted_comes_only_from_converting(tenant: Tenant) -> None:
    with pytest.raises(errors.InvalidArgument, match="convert the lead"):
        create(tenant, status=LEAD_STATUS_CONVERTED)
    lead = create(tenant)
    with pytest.raises(errors.InvalidArgument, match="convert the lead"):
        update(tenant, lead, status=LEAD_STATUS_CONVERTED)
    convert(tenant, lead)
    with pytest.raises(errors.InvalidArgument, match="stays so"):
        update(tenant, lead, status=LEAD_STATUS_NEW)
    assert update(tenant, lead, title="Countess").title == "Countess"


def test_a_conversion_that_the_contact_service_interrupts_is_ended_by_repeating_it(tenant: Tenant) -> None:
    lead = create(tenant)
    tenant.world.stop("contact")
    try:
        with pytest.raises(errors.Unavailable):
            convert(tenant, lead)
    finally:
        tenant.world.start("contact")
    with pytest.raises(errors.Aborted, match="somebody else"):
        convert(tenant.as_user("users/other"), lead)
    convert(tenant, lead)
    assert counted(tenant) == (1, 1, 1)


@pytest.mark.parametrize("subject", ["users/somebody", "users/other"])
def test_what_an_interrupted_conversion_has_made_is_used_even_after_the_lead_was_corrected(
    tenant: Tenant, subject: str
) -> None:
    lead = create(tenant)
    break_before_the_last_step(tenant, lead)
    assert counted(tenant) == (1, 1, 0)
    update(tenant, lead, company="Engines Ltd", family_name="King")
    lapse(tenant, lead)
    answer = convert(tenant.as_user(subject), lead)
    assert answer.lead.status == LEAD_STATUS_CONVERTED
    assert counted(tenant) == (1, 1, 1)


def test_one_that_the_contact_service_refuses_can_be_corrected_and_converted_by_anybody(tenant: Tenant) -> None:
    lead = create(tenant, company="")
    store = tenant.world.stores["sales"]
    # A text that is fine for a lead and too long for a contact cannot come in by the API.
    store.database["leads"].update_one({"tenant": tenant.name}, {"$set": {"email": "no address"}})
    with pytest.raises(errors.InvalidArgument):
        convert(tenant, lead)
    update(tenant, lead, email="ada@example.com")
    assert convert(tenant.as_user("users/other"), lead).contact
    assert counted(tenant) == (0, 1, 1)


def test_several_at_once_convert_a_lead_once(tenant: Tenant) -> None:
    lead = create(tenant)

    def attempt(number: int) -> pb.ConvertLeadResponse | None:
        try:
            return convert(tenant.as_user(f"users/{number % 2}"), lead)
        except errors.Aborted:
            return None

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(attempt, range(6)))
    names = {answer.opportunity.name for answer in answers if answer}
    assert len(names) == 1
    assert counted(tenant) == (1, 1, 1)


def test_assigning_a_lead_says_so_on_every_path(tenant: Tenant) -> None:
    first, second = tenant.user("First"), tenant.user("Second")
    lead = create(tenant)
    request = pb.AssignLeadRequest(name=lead.name, owner=first.name, request_id="r")
    assert tenant.call(LEADS + "AssignLead", request) == tenant.call(LEADS + "AssignLead", request)
    update(tenant, lead, owner=second.name)
    update(tenant, lead, owner=second.name)
    assert tenant.verbs(lead.name, "sales") == ["created", "assigned", "assigned"]
    with pytest.raises(errors.InvalidArgument, match="does not exist"):
        tenant.call(LEADS + "AssignLead", pb.AssignLeadRequest(name=lead.name, owner="users/nobody"))
    with pytest.raises(errors.InvalidArgument, match="not the name of a user"):
        tenant.call(LEADS + "AssignLead", pb.AssignLeadRequest(name=lead.name, owner="leads/x"))


def test_new_leads_go_round_among_those_who_may_take_them(tenant: Tenant) -> None:
    sellers = sorted([tenant.user("One", "leads.*").name, tenant.user("Two", "*.update").name])
    tenant.user("Viewer", "*.read")
    tenant.deliver("sales", HANDLERS, tenant.changes("identity"))
    leads = [create(tenant) for _ in range(4)]
    owned = create(tenant, owner=sellers[0])
    created = tenant.changes("sales", verb="created", kind="lead")
    tenant.deliver("sales", HANDLERS, created)
    tenant.deliver("sales", HANDLERS, created)
    owners = [get(tenant, lead).owner for lead in leads]
    assert owners == [sellers[0], sellers[1], sellers[0], sellers[1]]
    assert tenant.verbs(leads[0].name, "sales") == ["created", "assigned"]
    assert tenant.verbs(owned.name, "sales") == ["created"]


def test_leads_that_nobody_could_take_are_assigned_when_somebody_comes(tenant: Tenant) -> None:
    lead, gone, lost = create(tenant), create(tenant), create(tenant, status=LEAD_STATUS_DISQUALIFIED)
    tenant.call(LEADS + "DeleteLead", pb.DeleteLeadRequest(name=gone.name))
    tenant.deliver("sales", HANDLERS, tenant.changes("sales", kind="lead", verb="created"))
    assert get(tenant, lead).owner == ""
    seller = tenant.user("Seller", "leads.update")
    # The role comes after the user who has it: the order does not matter.
    tenant.deliver("sales", HANDLERS, tenant.changes("identity", kind="user"))
    assert get(tenant, lead).owner == ""
    tenant.deliver("sales", HANDLERS, tenant.changes("identity", kind="role"))
    assert get(tenant, lead).owner == seller.name
    assert [get(tenant, other).owner for other in (gone, lost)] == ["", ""]


def get(tenant: Tenant, lead: Lead) -> Lead:
    found: Lead = tenant.call(LEADS + "GetLead", pb.GetLeadRequest(name=lead.name))
    return found


def break_before_the_last_step(tenant: Tenant, lead: Lead) -> None:
    """Lets a conversion get as far as its last transaction, which the database refuses."""
    database = tenant.world.stores["sales"].database
    database.command(
        "collMod", "opportunities", validator={"$expr": {"$ne": ["$tenant", tenant.name]}}, validationLevel="strict"
    )
    try:
        with pytest.raises(errors.KithError):
            convert(tenant, lead)
    finally:
        database.command("collMod", "opportunities", validator={})


def lapse(tenant: Tenant, lead: Lead) -> None:
    """Half a minute passes, and at the contact service the week in which it knows request ids."""
    tenant.world.stores["sales"].database["conversions"].update_many({"tenant": tenant.name}, {"$unset": {"until": 1}})
    tenant.world.stores["contact"].database["changes"].update_many({"tenant": tenant.name}, {"$unset": {"request": 1}})
