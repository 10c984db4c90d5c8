"""The gRPC services of the cases service: the engine's standard methods, and what solving cases has besides."""

from __future__ import annotations

from kith.cases.v1.case_pb2 import Case
from kith.cases.v1.case_service_pb2 import (
    AssignCaseRequest,
    ReplyToCaseRequest,
    ReplyToCaseResponse,
    ResolveCaseRequest,
)
from kith.cases.v1.queue_pb2 import Queue
from kith.cases.v1.queue_service_pb2 import DeleteQueueRequest
from kith.identity.v1.user_pb2 import User

from services.cases import queues
from services.cases.records import RECORDS
from services.cases.replying import reply
from services.cases.rules import progress
from services.chassis.call import Call
from services.chassis.resources.existence import require
from services.chassis.resources.requests import Request
from services.chassis.resources.transaction import Transaction
from services.chassis.service import Engine, Service


class Cases:
    """kith.cases.v1.CaseService beyond the standard methods."""

    def __init__(self, engine: Engine) -> None:
        self._store = engine.store
        self._peers = engine.peers

    def AssignCase(self, request: AssignCaseRequest, call: Call) -> Case:
        """Gives a case to somebody."""
        require(self._peers, User, "assignee", request.assignee, call)

        def assign(case: Case) -> None:
            case.assignee = request.assignee

        def work(tx: Transaction) -> Case:
            return tx.update(Case, request.name, assign, etag=request.etag)

        return self._store.write(call.author(), work, Request.of("AssignCase", request, Case))

    def ReplyToCase(self, request: ReplyToCaseRequest, call: Call) -> ReplyToCaseResponse:
        """Answers the customer."""
        repeated = Request.of("ReplyToCase", request, ReplyToCaseResponse)
        return self._store.write(call.author(), lambda tx: reply(tx, request), repeated)

    def ResolveCase(self, request: ResolveCaseRequest, call: Call) -> Case:
        """Solves a case."""

        def work(tx: Transaction) -> Case:
            return tx.update(
                Case, request.name, lambda case: progress.resolve(case, request.resolution), etag=request.etag
            )

        return self._store.write(call.author(), work, Request.of("ResolveCase", request, Case))


class Queues:
    """kith.cases.v1.QueueService, where it differs from the standard."""

    def __init__(self, engine: Engine) -> None:
        self._store = engine.store

    def DeleteQueue(self, request: DeleteQueueRequest, call: Call) -> Queue:
        """Deletes a queue that is not the default one and in which nothing waits."""

        def work(tx: Transaction) -> Queue:
            queues.refuse_deletion(tx, request.name)
            return tx.delete(Queue, request.name, etag=request.etag)

        return self._store.write(call.author(), work, Request.of("DeleteQueue", request, Queue))


SERVICE = Service(
    "cases",
    RECORDS,
    custom=lambda engine: {"CaseService": Cases(engine), "QueueService": Queues(engine)},
)
