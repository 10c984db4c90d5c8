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

from dataclasses import dataclass

import grpc

DOMAIN = "kith.dev"


@dataclass(frozen=True, slots=True)
class Violation:
    """One field at fault: its proto path in snake_case (`email_addresses[0].value`), and what to do about it."""

    field: str
    description: str


class KithError(Exception):
    """Anything that a caller is told. `reason` is UPPER_SNAKE_CASE and stable, `message` is for people (AIP-193)."""

    code = grpc.StatusCode.INTERNAL
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

    code = grpc.StatusCode.INVALID_ARGUMENT
    default_reason = "INVALID_ARGUMENT"

    @classmethod
    def of(cls, field: str, description: str, *, reason: str = "") -> InvalidArgument:
        """The usual case: one field at fault."""
        return cls(f"{field}: {description}", reason=reason, violations=(Violation(field, description),))


class Unauthenticated(KithError):
    """The caller did not prove who it is."""

    code = grpc.StatusCode.UNAUTHENTICATED
    default_reason = "UNAUTHENTICATED"


class PermissionDenied(KithError):
    """The caller may not do this."""

    code = grpc.StatusCode.PERMISSION_DENIED
    default_reason = "PERMISSION_DENIED"


class NotFound(KithError):
    """No such record in the caller's tenant: the same answer whether it never was or belongs to others."""

    code = grpc.StatusCode.NOT_FOUND
    default_reason = "NOT_FOUND"

    @classmethod
    def of(cls, name: str) -> NotFound:
        """The record that was asked for by `name`."""
        return cls(f"{name} does not exist", metadata={"name": name})


class AlreadyExists(KithError):
    """A value that must be unique is taken."""

    code = grpc.StatusCode.ALREADY_EXISTS
    default_reason = "ALREADY_EXISTS"


class FailedPrecondition(KithError):
    """The record is in a state that forbids this."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    default_reason = "FAILED_PRECONDITION"


class Aborted(KithError):
    """Somebody else was faster; read again, then try again."""

    code = grpc.StatusCode.ABORTED
    default_reason = "ABORTED"


class ResourceExhausted(KithError):
    """Over a limit; the message says which."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    default_reason = "RESOURCE_EXHAUSTED"


class DeadlineExceeded(KithError):
    """The caller's time is over."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    default_reason = "DEADLINE_EXCEEDED"


class Unavailable(KithError):
    """A server that we need does not answer; the same call may succeed later."""

    code = grpc.StatusCode.UNAVAILABLE
    default_reason = "UNAVAILABLE"
