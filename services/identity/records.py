"""The records of identity, and the rules that hold on every path by which they are written.

The first of these rules: nobody grants more than they hold. Who creates a role, gives one to a user or makes an API
key must hold everything that is granted thereby; the platform itself (`services/…`) may grant anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kith.identity.v1.api_key_pb2 import ApiKey
from kith.identity.v1.role_pb2 import Role
from kith.identity.v1.tenant_pb2 import TENANT_STATE_ACTIVE, TENANT_STATE_UNSPECIFIED, Tenant
from kith.identity.v1.user_pb2 import USER_STATE_ACTIVE, USER_STATE_DEACTIVATED, USER_STATE_UNSPECIFIED, User
from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from services.chassis.errors import AlreadyExists, InvalidArgument, NotFound, PermissionDenied, Violation
from services.chassis.resources.bson_codec import to_datetime
from services.chassis.resources.records import Record
from services.chassis.resources.transaction import Transaction
from services.identity import attempts, sessions
from services.identity.rules.permissions import excess, is_valid, union

SLUGS = "slugs"
"""Slug → tenant over the whole installation: `{_id: slug, tenant}`. A tenant's slug is reserved for good."""
API_KEY_SECRETS = "api_key_secrets"
"""What API keys are checked against: `{_id: API key id, tenant, digest}`."""
PLATFORM = "services/identity"


def role_permissions(tx: Transaction, names: Iterable[str]) -> tuple[str, ...]:
    """What some roles allow together; names of roles that are not there allow nothing."""
    identifiers = [name.partition("/")[2] for name in names]
    if not identifiers:
        return ()
    roles = tx.find(Role, {"_id": {"$in": identifiers}}, limit=len(identifiers))
    return union(permission for role in roles for permission in role.permissions)


def require_no_excess(tx: Transaction, wanted: Sequence[str], what: str) -> None:
    """Refuses what goes beyond the author's own permissions.

    Raises:
        PermissionDenied: it does; the text names what is missing.
    """
    if tx.author.subject.startswith("services/"):
        return
    missing = excess(wanted, tx.author.permissions)
    if missing:
        raise PermissionDenied(
            f"{what} more than you may do yourself: {', '.join(missing[:10])}",
            reason="EXCEEDS_OWN_PERMISSIONS",
            metadata={"permissions": ",".join(missing[:10])},
        )


def _prepare_tenant(tx: Transaction, after: Tenant, before: Tenant | None) -> None:
    if after.state == TENANT_STATE_UNSPECIFIED:
        after.state = TENANT_STATE_ACTIVE
    if before is None:
        try:
            tx.collection(SLUGS).insert_one({"_id": after.slug, "tenant": tx.tenant}, session=tx.session)
        except DuplicateKeyError as error:
            taken = Violation("tenant.slug", "another tenant has this slug already")
            raise AlreadyExists(f"{taken.field}: {taken.description}", violations=(taken,)) from error


def _prepare_role(tx: Transaction, after: Role, before: Role | None) -> None:
    for index, permission in enumerate(after.permissions):
        if not is_valid(permission):
            raise InvalidArgument.of(
                f"role.permissions[{index}]",
                f"{permission!r} is none: write `contacts.read`, `contacts.*`, `*.read` or `*`",
            )
    added = excess(after.permissions, before.permissions if before else ())
    require_no_excess(tx, added, "this role would allow")


def _prepare_user(tx: Transaction, after: User, before: User | None) -> None:
    after.email = after.email.strip().lower()
    if after.state == USER_STATE_UNSPECIFIED:
        after.state = USER_STATE_ACTIVE
    roles = list(dict.fromkeys(after.roles))
    del after.roles[:]
    after.roles.extend(roles)
    held = tuple(before.roles) if before else ()
    added = [name for name in roles if name not in held]
    _require_roles(tx, added)
    require_no_excess(tx, role_permissions(tx, added), "these roles allow")
    if before is not None:
        _govern(tx, after, before)


def _require_roles(tx: Transaction, names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        try:
            tx.get(Role, name)
        except NotFound as error:
            raise InvalidArgument.of(f"user.roles[{index}]", f"{name} does not exist") from error


def _govern(tx: Transaction, after: User, before: User) -> None:
    """Who may sign in as whom is up to those who may do at least as much."""
    if (after.email, after.state) == (before.email, before.state):
        return
    if tx.author.subject != before.name:
        require_no_excess(tx, role_permissions(tx, before.roles), "this user may do")
    if after.state == USER_STATE_DEACTIVATED:
        sessions.Sessions(tx.collection(sessions.COLLECTION).database).end_all(tx.tenant, before.name, tx.session)


def _prepare_api_key(tx: Transaction, after: ApiKey, before: ApiKey | None) -> None:
    for index, permission in enumerate(after.permissions):
        if not is_valid(permission):
            raise InvalidArgument.of(f"api_key.permissions[{index}]", f"{permission!r} is no permission")
    if before is None:
        _prepare_new_api_key(tx, after)
    elif tuple(after.permissions) != tuple(before.permissions):
        _require_narrower(after, before)


def _prepare_new_api_key(tx: Transaction, after: ApiKey) -> None:
    after.user = after.user or tx.author.subject
    try:
        user = tx.get(User, after.user)
    except NotFound as error:
        raise InvalidArgument.of("api_key.user", f"{after.user} does not exist") from error
    if user.state == USER_STATE_DEACTIVATED:
        raise InvalidArgument.of("api_key.user", f"{after.user} is deactivated")
    if after.HasField("expire_time") and to_datetime(after.expire_time) <= tx.now:
        raise InvalidArgument.of("api_key.expire_time", "is in the past")
    by_platform = tx.author.subject.startswith("services/")
    if not after.permissions and after.user != tx.author.subject and not by_platform:
        # It would grow with that user's roles, and its secret is known to somebody else.
        raise InvalidArgument.of("api_key.permissions", "name them: the key is for somebody else")
    wanted = tuple(after.permissions) or role_permissions(tx, user.roles)
    require_no_excess(tx, wanted, "this key would allow")


def _require_narrower(after: ApiKey, before: ApiKey) -> None:
    narrower = bool(after.permissions) and not (before.permissions and excess(after.permissions, before.permissions))
    if not narrower:
        raise InvalidArgument.of("api_key.permissions", "can only become fewer: create another key for more")


RECORDS = (
    Record(Tenant, prepare=_prepare_tenant),
    Record(Role, prepare=_prepare_role),
    Record(
        User,
        prepare=_prepare_user,
        beside={sessions.COLLECTION: sessions.INDEXES, attempts.COLLECTION: attempts.INDEXES},
    ),
    Record(
        ApiKey,
        prepare=_prepare_api_key,
        beside={API_KEY_SECRETS: [IndexModel([("tenant", ASCENDING)], name="tenant")]},
    ),
)
