"""Read model: how each user can be reached, as the identity service tells it."""

from __future__ import annotations

from dataclasses import dataclass

from kith.identity.v1.user_pb2 import User, UserState

from services.chassis.bus.events import Event
from services.chassis.bus.projections import TOMBSTONE, upsert_if_newer
from services.chassis.resources.transaction import Transaction

COLLECTION = "recipients"


class NotYet(Exception):
    """An event about a user came before the user's own: the bus brings it again later."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A user who can be told something."""

    name: str
    display_name: str
    email: str
    locale: str


def remember(event: Event, tx: Transaction) -> None:
    """Keeps what a user's event says, unless a later one came before."""
    user = event.message(User)
    document = None
    if not user.HasField("delete_time"):
        document = {
            "display_name": user.display_name,
            "email": user.email,
            "locale": user.locale,
            "active": user.state != UserState.USER_STATE_DEACTIVATED,
        }
    upsert_if_newer(tx, COLLECTION, event.record, event.version, document)


def find(tx: Transaction, user: str) -> Recipient | None:
    """The user by resource name; None for one that is deactivated or deleted, since who left is told nothing.

    Raises:
        NotYet: nothing is known of the user so far.
    """
    found = tx.collection(COLLECTION).find_one({"_id": user, "tenant": tx.tenant}, session=tx.session)
    if found is None:
        raise NotYet(f"{user} is not known here yet")
    if TOMBSTONE in found or not found["active"] or not found["email"]:
        return None
    return Recipient(user, found["display_name"], found["email"], found["locale"])
