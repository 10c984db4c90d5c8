"""The records of the contact service and the rules that hook into their writes."""

from __future__ import annotations

from kith.contact.v1.account_pb2 import Account
from kith.contact.v1.activity_pb2 import Activity, ActivityState, ActivityType
from kith.contact.v1.contact_pb2 import Contact

from services.chassis.resources.records import Record
from services.chassis.resources.transaction import Transaction
from services.contact.rules import addresses, names


def _prepare_contact(_tx: Transaction, after: Contact, before: Contact | None) -> None:
    addresses.normalise(after)
    names.complete(after, before)


def _prepare_activity(_tx: Transaction, after: Activity, _before: Activity | None) -> None:
    after.type = after.type or ActivityType.ACTIVITY_TYPE_NOTE
    after.state = after.state or ActivityState.ACTIVITY_STATE_PLANNED


RECORDS = (
    Record(Account),
    Record(Contact, prepare=_prepare_contact),
    Record(Activity, prepare=_prepare_activity),
)
