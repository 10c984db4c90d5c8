"""Answers a customer: the message and what it means for the case, in one transaction."""

from __future__ import annotations

from kith.cases.v1.case_pb2 import Case
from kith.cases.v1.case_service_pb2 import ReplyToCaseRequest, ReplyToCaseResponse
from kith.cases.v1.message_pb2 import MESSAGE_DIRECTION_OUTBOUND, Message

from services.cases.rules import messages
from services.chassis.resources.transaction import Transaction


def reply(tx: Transaction, request: ReplyToCaseRequest) -> ReplyToCaseResponse:
    """Adds our message and notes that the case is answered.

    The case is changed first, as one version: what the message alone would change in it is done by then.
    """
    message = Message(case=request.name, direction=MESSAGE_DIRECTION_OUTBOUND, body=request.body)
    messages.complete(message, tx.author.subject, tx.now)
    case = tx.update(
        Case, request.name, lambda case: messages.answer(message, case), etag=request.etag, verb="answered"
    )
    return ReplyToCaseResponse(case=case, message=tx.create(message))
