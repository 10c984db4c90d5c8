"""Who may do what, as a worker knows it: a read model of users and roles, kept from identity's events.

It answers whom work can be given to. It is no access check: that is the token's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kith.identity.v1.role_pb2 import Role
from kith.identity.v1.user_pb2 import USER_STATE_ACTIVE, User

from services.chassis.bus.events import Event
from services.chassis.bus.handlers import Handlers
from services.chassis.bus.projections import TOMBSTONE, upsert_if_newer
from services.chassis.permissions import grants
from services.chassis.resources.transaction import Transaction

USERS = "member_users"
ROLES = "member_roles"
HEARD = ("user.*", "role.*")
"""The events that a service must subscribe to."""


def hear(handlers: Handlers) -> None:
    """Registers what keeps the read model."""
    handlers.handles("user.*")(_user)
    handlers.handles("role.*")(_role)


def active(tx: Transaction, names: Iterable[str]) -> list[str]:
    """Those of the users who are active."""
    wanted = set(names)
    return [user["name"] for user in _all(tx, USERS) if user["active"] and user["name"] in wanted]


def holding(tx: Transaction, permission: str) -> list[str]:
    """The active users of the tenant with a role that grants a permission."""
    roles = {role["name"] for role in _all(tx, ROLES) if grants(frozenset(role["permissions"]), permission)}
    return [user["name"] for user in _all(tx, USERS) if user["active"] and not roles.isdisjoint(user["roles"])]


def _user(event: Event, tx: Transaction) -> None:
    user = event.message(User)
    known = {"name": event.record, "active": user.state == USER_STATE_ACTIVE, "roles": list(user.roles)}
    _store(event, tx, USERS, known)


def _role(event: Event, tx: Transaction) -> None:
    _store(event, tx, ROLES, {"name": event.record, "permissions": list(event.message(Role).permissions)})


def _store(event: Event, tx: Transaction, collection: str, document: dict[str, Any]) -> None:
    deleted = "deleteTime" in event.data["record"]
    upsert_if_newer(tx, collection, f"{tx.tenant} {event.record}", event.version, None if deleted else document)


def _all(tx: Transaction, collection: str) -> list[dict[str, Any]]:
    """Everything of the tenant: its identifiers begin with the tenant's, so the index on `_id` finds them."""
    of_tenant = {"$gt": f"{tx.tenant} ", "$lt": f"{tx.tenant}!"}
    query = {"_id": of_tenant, "tenant": tx.tenant, TOMBSTONE: {"$exists": False}}
    return list(tx.collection(collection).find(query, session=tx.session))
