"""Converts a lead: account and contact at the contact service, then opportunity and lead in one transaction.

Whatever dies in between, repeating the call ends what was begun and doubles nothing (`conversion_plan.py`).
"""

from __future__ import annotations

from kith.sales.v1.lead_pb2 import LEAD_STATUS_CONVERTED, Lead
from kith.sales.v1.lead_service_pb2 import ConvertLeadRequest, ConvertLeadResponse
from kith.sales.v1.opportunity_pb2 import Opportunity

from services.chassis import errors
from services.chassis.call import Call
from services.chassis.resources import requests
from services.chassis.resources.bson_codec import to_timestamp
from services.chassis.resources.requests import Request
from services.chassis.resources.transaction import Transaction
from services.chassis.service import Engine
from services.sales.conversion_plan import Plan
from services.sales.parties import Parties
from services.sales.rules import conversion as rules
from services.sales.rules import dates


class Conversion:
    """Converts leads with one engine."""

    def __init__(self, engine: Engine) -> None:
        self._store = engine.store
        self._peers = engine.peers

    def convert(self, request: ConvertLeadRequest, call: Call) -> ConvertLeadResponse:
        """Makes of a lead what it becomes; of one that was converted before, tells what it became.

        Raises:
            errors.FailedPrecondition: it was disqualified, or names no person.
            errors.Aborted: its etag is another one, or somebody else converts it at this moment.
            errors.KithError: what the contact service says of the account or contact.
        """
        author = call.author()
        repeated = Request.of("ConvertLead", request, ConvertLeadResponse)
        earlier = requests.find(self._store.database, author, repeated) if repeated else None
        if earlier is not None and repeated is not None:
            answer: ConvertLeadResponse = requests.answer(self._store, earlier, repeated)
            return answer
        lead = self._store.get(Lead, author.tenant, request.name)
        if rules.is_converted(lead):
            return self._became(lead, author.tenant)
        _check(lead, request)
        plan = Plan(self._store, author, lead.name)
        with plan.begun():
            parties = Parties(self._peers, plan, call).of(lead, request)
            return self._store.write(author, lambda tx: self._finish(tx, request, parties, plan), repeated)

    def _finish(
        self, tx: Transaction, request: ConvertLeadRequest, parties: tuple[str, str], plan: Plan
    ) -> ConvertLeadResponse:
        account, contact = parties
        lead = tx.get(Lead, request.name)
        if rules.is_converted(lead):
            return self._became(lead, tx.tenant)
        response = ConvertLeadResponse(account=account, contact=contact)
        if not request.skip_opportunity:
            made = tx.create(rules.opportunity_of(lead, request, account, contact))
            response.opportunity.CopyFrom(made)

        def convert(lead: Lead) -> None:
            lead.status = LEAD_STATUS_CONVERTED
            lead.converted_account = account
            lead.converted_contact = contact
            lead.converted_opportunity = response.opportunity.name
            lead.convert_time.CopyFrom(to_timestamp(tx.now))

        response.lead.CopyFrom(tx.update(Lead, request.name, convert, etag=request.etag, verb="converted"))
        plan.end(tx)
        return response

    def _became(self, lead: Lead, tenant: str) -> ConvertLeadResponse:
        response = ConvertLeadResponse(lead=lead, account=lead.converted_account, contact=lead.converted_contact)
        if lead.converted_opportunity:
            response.opportunity.CopyFrom(self._store.get(Opportunity, tenant, lead.converted_opportunity))
        return response


def _check(lead: Lead, request: ConvertLeadRequest) -> None:
    """Refuses what can be refused before anything is done."""
    if lead.HasField("delete_time"):
        raise errors.NotFound.of(lead.name)
    if request.etag and request.etag != lead.etag:
        raise errors.Aborted(
            f"etag: the record has changed meanwhile; read it again (its etag is {lead.etag})",
            reason="ETAG_MISMATCH",
            metadata={"etag": lead.etag},
        )
    rules.check(lead, request)
    dates.check("close_date", request.close_date)
