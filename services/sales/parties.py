"""The account and the contact that a lead becomes, at the contact service."""

from __future__ import annotations

from kith.contact.v1.account_pb2 import Account
from kith.contact.v1.account_service_pb2 import CreateAccountRequest, ListAccountsRequest, ListAccountsResponse
from kith.contact.v1.contact_pb2 import Contact
from kith.contact.v1.contact_service_pb2 import (
    CreateContactRequest,
    GetContactRequest,
    ListContactsRequest,
    ListContactsResponse,
)
from kith.sales.v1.lead_pb2 import Lead
from kith.sales.v1.lead_service_pb2 import ConvertLeadRequest

from services.chassis.call import Call
from services.chassis.peers import Peers
from services.chassis.resources.existence import require
from services.sales.conversion_plan import Plan, quoted
from services.sales.rules import conversion as rules

_ACCOUNTS = "kith.contact.v1.AccountService/"
_CONTACTS = "kith.contact.v1.ContactService/"


class Parties:
    """Finds or creates account and contact for one conversion, in the caller's name."""

    def __init__(self, peers: Peers, plan: Plan, call: Call) -> None:
        self._peers = peers
        self._plan = plan
        self._call = call

    def of(self, lead: Lead, request: ConvertLeadRequest) -> tuple[str, str]:
        """The names of the account and the contact. Those that are given are used; a contact brings its account.

        The account's name is empty when none is given and the lead has no company.
        """
        account, contact = request.account, request.contact
        if account:
            require(self._peers, Account, "account", account, self._call)
        if contact:
            require(self._peers, Contact, "contact", contact, self._call)
            account = account or self._account_of(contact)
        if not account and lead.company:
            account = self._account(rules.account_of(lead))
        return account, contact or self._contact(rules.contact_of(lead, account))

    def _account_of(self, contact: str) -> str:
        return self._peers.call(_CONTACTS + "GetContact", GetContactRequest(name=contact), Contact, self._call).account

    def _account(self, account: Account) -> str:
        account, earlier = self._plan.written("account", account)
        if earlier and (found := self._made_account(account)):
            return found
        with self._plan.creating("account") as request_id:
            request = CreateAccountRequest(account=account, request_id=request_id)
            return self._peers.call(_ACCOUNTS + "CreateAccount", request, Account, self._call).name

    def _contact(self, contact: Contact) -> str:
        what = f"contact at {contact.account}" if contact.account else "contact"
        contact, earlier = self._plan.written(what, contact)
        if earlier and (found := self._made_contact(contact)):
            return found
        with self._plan.creating(what) as request_id:
            request = CreateContactRequest(contact=contact, request_id=request_id)
            return self._peers.call(_CONTACTS + "CreateContact", request, Contact, self._call).name

    def _made_account(self, account: Account) -> str:
        wanted = f"{self._plan.made_by_it()} AND display_name = {quoted(account.display_name)}"
        request = ListAccountsRequest(filter=wanted, page_size=1)
        found = self._peers.call(_ACCOUNTS + "ListAccounts", request, ListAccountsResponse, self._call).accounts
        return found[0].name if found else ""

    def _made_contact(self, contact: Contact) -> str:
        same = {
            "account": contact.account,
            "given_name": contact.given_name,
            "family_name": contact.family_name,
            "email_addresses.value": contact.email_addresses[0].value if contact.email_addresses else "",
        }
        wanted = [self._plan.made_by_it(), *(f"{field} = {quoted(value)}" for field, value in same.items() if value)]
        request = ListContactsRequest(filter=" AND ".join(wanted), page_size=1)
        found = self._peers.call(_CONTACTS + "ListContacts", request, ListContactsResponse, self._call).contacts
        return found[0].name if found else ""
