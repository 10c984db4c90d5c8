"""What a method asks for and what a caller holds: matching permissions, and refusing methods that name none.

A permission is `noun.verb`, for example `contacts.read`. What is granted may leave either part open: `contacts.*`,
`*.read`, `*`. Three permissions stand outside of that and no role can grant them:
"""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.descriptor import ServiceDescriptor

from services.chassis import protos

PUBLIC = "public"
"""No token is needed."""
SIGNED_IN = "signedIn"
"""Any valid token is enough."""
OPERATOR = "operator"
"""Nobody who calls over the network holds it: it is for commands on the machine itself."""


class MissingPermission(RuntimeError):
    """Methods that do not say who may call them; the process must not start."""


def grants(granted: frozenset[str], permission: str) -> bool:
    """Whether a holder of the patterns `granted` holds `permission` (about 0.3 µs)."""
    if permission == SIGNED_IN:
        return True
    noun, dot, verb = permission.partition(".")
    if not dot:
        return False
    return permission in granted or "*" in granted or f"{noun}.*" in granted or f"*.{verb}" in granted


def require_permissions(services: Iterable[ServiceDescriptor]) -> dict[str, str]:
    """The permission of each method, by full name (`kith.contact.v1.ContactService.GetContact`).

    Raises:
        MissingPermission: some methods have no `(kith.type.v1.permission)`; the text lists all of them.
    """
    permissions = {method.full_name: protos.permission(method) for service in services for method in service.methods}
    missing = sorted(name for name, permission in permissions.items() if not permission)
    if missing:
        raise MissingPermission(f"give these methods a (kith.type.v1.permission): {', '.join(missing)}")
    return permissions
