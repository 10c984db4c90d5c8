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

COLLECTION = "members"
"""Users, {_id: tenant and name, tenant, name, active, roles}, and roles, {…, name, permissions}."""


def hear(handlers: Handlers) -> None:
    """Registers what keeps the read model."""
    handlers.handles("user.*")(_user)
    handlers.handles("role.*")(_role)


def active(tx: Transaction, names: Iterable[str]) -> list[str]:
    """Those of the users who are active."""
    wanted = set(names)
    return [name for name, known in _all(tx).items() if name in wanted and known.get("active")]


def holding(tx: Transaction, permission: str) -> list[str]:
    """The active users of the tenant with a role that grants a permission."""
    known = _all(tx)
    roles = {name for name, role in known.items() if grants(frozenset(role.get("permissions", ())), permission)}
    return [name for name, user in known.items() if user.get("active") and not roles.isdisjoint(user["roles"])]


def _user(event: Event, tx: Transaction) -> None:
    user = event.message(User)
    _store(event, tx, {"active": user.state == USER_STATE_ACTIVE, "roles": list(user.roles)})


def _role(event: Event, tx: Transaction) -> None:
    _store(event, tx, {"permissions": list(event.message(Role).permissions)})


def _store(event: Event, tx: Transaction, known: dict[str, Any]) -> None:
    deleted = "deleteTime" in event.data["record"]
    document = None if deleted else {"name": event.record, **known}
    upsert_if_newer(tx, COLLECTION, f"{tx.tenant} {event.record}", event.version, document)


def _all(tx: Transaction) -> dict[str, dict[str, Any]]:
    """Everything of the tenant by name: its identifiers begin with the tenant's, so the index on `_id` finds them."""
    of_tenant = {"$gt": f"{tx.tenant} ", "$lt": f"{tx.tenant}!"}
    query = {"_id": of_tenant, "tenant": tx.tenant, TOMBSTONE: {"$exists": False}}
    return {known["name"]: known for known in tx.collection(COLLECTION).find(query, session=tx.session)}
