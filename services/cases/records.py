"""The records of the cases service and the rules that hook into their writes."""

from __future__ import annotations

from kith.cases.v1.case_pb2 import Case
from kith.cases.v1.message_pb2 import Message
from kith.cases.v1.queue_pb2 import Queue

from services.cases.queues import DEFAULT
from services.cases.rules import messages, progress
from services.chassis.resources.counters import next_number
from services.chassis.resources.records import Record
from services.chassis.resources.transaction import Transaction


def _prepare_case(tx: Transaction, after: Case, before: Case | None) -> None:
    progress.complete(after, before, tx.now)
    after.queue = after.queue or DEFAULT.of(tx).name
    if before is None:
        after.case_number = progress.number(next_number(tx, "cases"))


def _prepare_message(tx: Transaction, after: Message, before: Message | None) -> None:
    if before is not None:
        return
    messages.complete(after, tx.author.subject, tx.now)
    if messages.concerns_case(after):
        tx.update(Case, after.case, lambda case: messages.arrive(after, case))


def _prepare_queue(tx: Transaction, after: Queue, before: Queue | None) -> None:
    DEFAULT.keep_one(tx, after, before)


RECORDS = (
    Record(Case, prepare=_prepare_case, verb=progress.verb),
    Record(Message, prepare=_prepare_message),
    Record(Queue, prepare=_prepare_queue),
)
