"""What a lead becomes: an account, a contact, an opportunity."""

from __future__ import annotations

from kith.contact.v1.account_pb2 import Account
from kith.contact.v1.contact_pb2 import Contact
from kith.sales.v1.lead_pb2 import LEAD_STATUS_CONVERTED, LEAD_STATUS_DISQUALIFIED, Lead
from kith.sales.v1.lead_service_pb2 import ConvertLeadRequest
from kith.sales.v1.opportunity_pb2 import Opportunity

from services.chassis.errors import FailedPrecondition


def check(lead: Lead, request: ConvertLeadRequest) -> None:
    """Refuses what has no sense to convert.

    Raises:
        FailedPrecondition: it came to nothing, or there is nobody to make a contact of.
    """
    if lead.status == LEAD_STATUS_DISQUALIFIED:
        raise FailedPrecondition("the lead was disqualified: set its status first", reason="LEAD_DISQUALIFIED")
    if not request.contact and not (lead.given_name or lead.family_name or lead.email):
        raise FailedPrecondition(
            "the lead names no person: give it a name or an e-mail address, or name the contact to use",
            reason="LEAD_WITHOUT_PERSON",
        )


def is_converted(lead: Lead) -> bool:
    """Whether it has become something already."""
    return lead.status == LEAD_STATUS_CONVERTED


def account_of(lead: Lead) -> Account:
    """The company."""
    account = Account(display_name=lead.company, website=lead.website, owner=lead.owner)
    if lead.country:
        account.billing_address.country = lead.country
    return account


def contact_of(lead: Lead, account: str) -> Contact:
    """The person, at that account."""
    contact = Contact(
        given_name=lead.given_name,
        family_name=lead.family_name,
        account=account,
        title=lead.title,
        lead_source=lead.source,
        owner=lead.owner,
    )
    if lead.email:
        contact.email_addresses.add(value=lead.email)
    if lead.phone:
        contact.phone_numbers.add(value=lead.phone)
    if lead.country:
        contact.mailing_address.country = lead.country
    return contact


def opportunity_of(lead: Lead, request: ConvertLeadRequest, account: str, contact: str) -> Opportunity:
    """The deal that may come of it."""
    opportunity = Opportunity(
        display_name=request.opportunity_display_name or lead.company or person(lead),
        account=account,
        contact=contact,
        close_date=request.close_date,
        owner=lead.owner,
        lead_source=lead.source,
        description=lead.message,
        lead=lead.name,
    )
    if request.HasField("amount"):
        opportunity.amount.CopyFrom(request.amount)
    return opportunity


def person(lead: Lead) -> str:
    """What to call the person."""
    return " ".join(part for part in (lead.given_name, lead.family_name) if part) or lead.email or lead.phone
