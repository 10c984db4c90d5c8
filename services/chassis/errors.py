"""What can go wrong, as one tree; each error knows its gRPC status, its reason and the fields at fault.

KithError
├── InvalidArgument      400  a field is wrong: violations name it and the fix
├── Unauthenticated      401  no valid proof of who is calling
├── PermissionDenied     403  the caller may not do this
├── NotFound             404  no such record in the caller's tenant
├── AlreadyExists        409  a unique value is taken
├── Aborted              409  somebody else was faster: etag mismatch, request in progress
├── FailedPrecondition   400  the record's state forbids it
├── ResourceExhausted    429  over a limit
├── DeadlineExceeded     504  no time left
└── Unavailable          503  a server that we need is away; try again
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

DOMAIN = "kith.dev"


class Code(enum.IntEnum):
    """gRPC's status codes (google.rpc.Code). They are written down here because a worker must not import grpc."""

    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class Violation:
    """One field at fault: its proto path in snake_case (`email_addresses[0].value`), and what to do about it."""

    field: str
    description: str


class KithError(Exception):
    """Anything that a caller is told. `reason` is UPPER_SNAKE_CASE and stable, `message` is for people (AIP-193)."""

    code = Code.INTERNAL
    default_reason = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        violations: tuple[Violation, ...] = (),
        metadata: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.violations = violations
        self.metadata = metadata or {}


class InvalidArgument(KithError):
    """A field of the request is wrong."""

    code = Code.INVALID_ARGUMENT
    default_reason = "INVALID_ARGUMENT"

    @classmethod
    def of(cls, field: str, description: str, *, reason: str = "") -> InvalidArgument:
        """The usual case: one field at fault."""
        return cls(f"{field}: {description}", reason=reason, violations=(Violation(field, description),))

    def moved(self, part: str, place: str) -> InvalidArgument:
        """The same with another name for the part at fault: what was `contact.owner` is `requests[3].contact.owner`."""
        violations = tuple(Violation(_moved(one.field, part, place), one.description) for one in self.violations)
        return InvalidArgument(
            _moved(self.message, part, place), reason=self.reason, violations=violations, metadata=self.metadata
        )


class Unauthenticated(KithError):
    """The caller did not prove who it is."""

    code = Code.UNAUTHENTICATED
    default_reason = "UNAUTHENTICATED"


class PermissionDenied(KithError):
    """The caller may not do this."""

    code = Code.PERMISSION_DENIED
    default_reason = "PERMISSION_DENIED"


class NotFound(KithError):
    """No such record in the caller's tenant: the same answer whether it never was or belongs to others."""

    code = Code.NOT_FOUND
    default_reason = "NOT_FOUND"

    @classmethod
    def of(cls, name: str) -> NotFound:
        """The record that was asked for by `name`."""
        return cls(f"{name} does not exist", metadata={"name": name})


class AlreadyExists(KithError):
    """A value that must be unique is taken."""

    code = Code.ALREADY_EXISTS
    default_reason = "ALREADY_EXISTS"


class FailedPrecondition(KithError):
    """The record is in a state that forbids this."""

    code = Code.FAILED_PRECONDITION
    default_reason = "FAILED_PRECONDITION"


class Aborted(KithError):
    """Somebody else was faster; read again, then try again."""

    code = Code.ABORTED
    default_reason = "ABORTED"


class ResourceExhausted(KithError):
    """Over a limit; the message says which."""

    code = Code.RESOURCE_EXHAUSTED
    default_reason = "RESOURCE_EXHAUSTED"


class DeadlineExceeded(KithError):
    """The caller's time is over."""

    code = Code.DEADLINE_EXCEEDED
    default_reason = "DEADLINE_EXCEEDED"


class Unavailable(KithError):
    """A server that we need does not answer; the same call may succeed later."""

    code = Code.UNAVAILABLE
    default_reason = "UNAVAILABLE"


def _moved(text: str, part: str, place: str) -> str:
    return place + text.removeprefix(part) if text.startswith(f"{part}.") else text
