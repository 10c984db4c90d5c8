"""The gRPC services of the sales service: the engine's standard methods, and what selling has besides."""

from __future__ import annotations

from kith.identity.v1.user_pb2 import User
from kith.sales.v1.lead_pb2 import Lead
from kith.sales.v1.lead_service_pb2 import AssignLeadRequest, ConvertLeadRequest, ConvertLeadResponse
from kith.sales.v1.opportunity_pb2 import Opportunity
from kith.sales.v1.opportunity_service_pb2 import (
    LoseOpportunityRequest,
    WinOpportunityRequest,
    WinOpportunityResponse,
)
from kith.sales.v1.pipeline_pb2 import Pipeline
from kith.sales.v1.pipeline_service_pb2 import DeletePipelineRequest

from services.chassis.call import Call
from services.chassis.resources.existence import require
from services.chassis.resources.requests import Request
from services.chassis.resources.transaction import Transaction
from services.chassis.service import Engine, Service
from services.sales import closing, pipelines
from services.sales.conversion import Conversion
from services.sales.records import RECORDS


class Leads:
    """kith.sales.v1.LeadService beyond the standard methods."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._conversion = Conversion(engine)

    def ConvertLead(self, request: ConvertLeadRequest, call: Call) -> ConvertLeadResponse:
        """Converts a lead."""
        return self._conversion.convert(request, call)

    def AssignLead(self, request: AssignLeadRequest, call: Call) -> Lead:
        """Gives a lead to somebody."""
        require(self._engine.peers, User, "owner", request.owner, call)

        def assign(lead: Lead) -> None:
            lead.owner = request.owner

        def work(tx: Transaction) -> Lead:
            return tx.update(Lead, request.name, assign, etag=request.etag)

        return self._engine.store.write(call.author(), work, Request.of("AssignLead", request, Lead))


class Opportunities:
    """kith.sales.v1.OpportunityService beyond the standard methods."""

    def __init__(self, engine: Engine) -> None:
        self._store = engine.store

    def WinOpportunity(self, request: WinOpportunityRequest, call: Call) -> WinOpportunityResponse:
        """Wins an opportunity."""
        repeated = Request.of("WinOpportunity", request, WinOpportunityResponse)
        return self._store.write(call.author(), lambda tx: closing.win(tx, request), repeated)

    def LoseOpportunity(self, request: LoseOpportunityRequest, call: Call) -> Opportunity:
        """Loses an opportunity."""
        repeated = Request.of("LoseOpportunity", request, Opportunity)
        return self._store.write(call.author(), lambda tx: closing.lose(tx, request), repeated)


class Pipelines:
    """kith.sales.v1.PipelineService, where it differs from the standard."""

    def __init__(self, engine: Engine) -> None:
        self._store = engine.store

    def DeletePipeline(self, request: DeletePipelineRequest, call: Call) -> Pipeline:
        """Deletes a pipeline that is neither the default one nor in use."""

        def work(tx: Transaction) -> Pipeline:
            pipelines.refuse_deletion(tx, request.name)
            return tx.delete(Pipeline, request.name, etag=request.etag)

        return self._store.write(call.author(), work, Request.of("DeletePipeline", request, Pipeline))


SERVICE = Service(
    "sales",
    RECORDS,
    custom=lambda engine: {
        "LeadService": Leads(engine),
        "OpportunityService": Opportunities(engine),
        "PipelineService": Pipelines(engine),
    },
)
