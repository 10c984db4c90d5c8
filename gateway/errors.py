"""Errors as clients see them: RFC 9457 problem details, from gRPC statuses and from the gateway's own refusals.

What a service says is passed on only if it said it on purpose, with an ErrorInfo of our domain; anything else (a broken
connection, a bug) is told by its status and its trace id, and by nothing from inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import grpc
import orjson
from google.rpc import error_details_pb2, status_pb2

from services.chassis.errors import DOMAIN, KithError
from services.chassis.resources.json_codec import JsonRefused

CONTENT_TYPE = b"application/problem+json"
RETRY_SECONDS = 1


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field at fault: its path as the client writes it, and what to do about it."""

    field: str
    detail: str


@dataclass(eq=False)
class Problem(Exception):
    """An error answer. `headers` are added to the response."""

    status: int
    reason: str
    detail: str
    errors: tuple[FieldProblem, ...] = ()
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)

    def because(self, detail: str) -> Problem:
        """The same problem with a fuller text."""
        self.detail = detail
        return self

    def rename(self, name: str, shown: str) -> None:
        """Calls a field what the client calls it, who sent it as a header."""
        self.errors = tuple(FieldProblem(shown if e.field == name else e.field, e.detail) for e in self.errors)
        if self.detail.startswith(f"{name}: "):
            self.detail = shown + self.detail[len(name) :]

    def body(self, trace_id: str) -> bytes:
        """The problem as JSON."""
        document: dict[str, Any] = {
            "type": f"urn:kith:error:{self.reason.lower().replace('_', '-')}",
            "title": _title(self.status),
            "status": self.status,
            "detail": self.detail,
            "reason": self.reason,
            "traceId": trace_id,
        }
        if self.errors:
            document["errors"] = [{"field": error.field, "detail": error.detail} for error in self.errors]
        if self.metadata:
            document["metadata"] = self.metadata
        return orjson.dumps(document)


def bad_request(name: str, detail: str, *, reason: str = "INVALID_ARGUMENT", status: int = 400) -> Problem:
    """One part of the request is wrong: a field, a query parameter or a header."""
    return Problem(status, reason, f"{name} {detail}", (FieldProblem(name, detail),))


def refused(error: KithError, prefix: str = "") -> Problem:
    """A refusal that was raised in this process; `prefix` is the request field that is the HTTP body."""
    if isinstance(error, JsonRefused):
        problems: tuple[FieldProblem, ...] = ()
        if error.json_path:
            problems = (FieldProblem(error.json_path, error.expected),)
        return Problem(400, error.reason, error.message, problems)
    errors, message = _translated(error.violations, error.message, prefix)
    problem = _problem(grpc.StatusCode[error.code.name], error.reason, message, errors, 0)
    problem.metadata = error.metadata
    return problem


def from_rpc(error: grpc.aio.AioRpcError, service: str, prefix: str = "") -> Problem:
    """A service's error. `service` names it, `prefix` is the request field that is the HTTP body."""
    details = _details(error)
    if details.info is None:
        return _unexplained(error.code(), error.details() or "", service)
    errors, message = _translated(details.violations, details.message, prefix)
    problem = _problem(error.code(), details.info.reason, message, errors, details.retry_seconds)
    problem.metadata = {key: value for key, value in details.info.metadata.items() if key not in _TRACE_KEYS}
    return problem


def internal() -> Problem:
    """An error that nobody foresaw; its cause is in the log under the trace id, and nowhere else."""
    return Problem(500, "INTERNAL", "Something went wrong on our side. The trace id helps us to find it.")


def json_path(path: str, prefix: str = "") -> str:
    """A proto path as clients write it: `contact.given_name` under the body field `contact` is `givenName`."""
    if prefix and path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] == ".":
        path = path[len(prefix) + 1 :]
    return _UNDERSCORE.sub(lambda match: match[1].upper(), path)


@dataclass(slots=True)
class _Details:
    message: str = ""
    info: error_details_pb2.ErrorInfo | None = None
    violations: list[Any] = field(default_factory=list)
    retry_seconds: float = 0.0


def _details(error: grpc.aio.AioRpcError) -> _Details:
    found = _Details()
    packed = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
    if not isinstance(packed, bytes):
        return found
    status = status_pb2.Status.FromString(packed)
    found.message = status.message
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            found.info = info if info.domain == DOMAIN else None
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            detail.Unpack(bad)
            found.violations = list(bad.field_violations)
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo()
            detail.Unpack(retry)
            found.retry_seconds = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    return found


def _translated(violations: Iterable[Any], message: str, prefix: str) -> tuple[tuple[FieldProblem, ...], str]:
    """Fields at fault and message, with the clients' names of the fields."""
    errors = []
    for violation in violations:
        path = json_path(violation.field, prefix)
        errors.append(FieldProblem(path, violation.description))
        if violation.field:
            message = message.replace(violation.field, path)
    return tuple(errors), message


def _problem(
    code: grpc.StatusCode, reason: str, message: str, errors: tuple[FieldProblem, ...], retry_seconds: float
) -> Problem:
    status = STATUSES.get(code, 500)
    if status == 500:
        return internal()
    problem = Problem(status, reason, message, errors)
    if status in (429, 503):
        seconds = max(RETRY_SECONDS, -int(-retry_seconds // 1))
        problem.headers.append((b"retry-after", str(seconds).encode()))
    if status == 401:
        problem.headers.append((b"www-authenticate", b'Bearer realm="kith"'))
    return problem


def _unexplained(code: grpc.StatusCode, details: str, service: str) -> Problem:
    """A status without our details: gRPC itself failed, on this side or on the other."""
    if code is grpc.StatusCode.CANCELLED:
        # Not by us: a server that ends cancels what it has not begun.
        code = grpc.StatusCode.UNAVAILABLE
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than" not in details:
        text = f"The {service} service has too much to do. Try again in a moment."
        return _problem(grpc.StatusCode.UNAVAILABLE, "OVERLOADED", text, (), 0)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        text = "The request or its answer is too large for one call: ask for less, or send less, at once."
        return Problem(413, "TOO_LARGE", text)
    text = _UNEXPLAINED.get(code, "").format(service=service)
    return _problem(code, code.name, text, (), 0) if text else internal()


def _title(status: int) -> str:
    return "Client Closed Request" if status == 499 else HTTPStatus(status).phrase


STATUSES: dict[grpc.StatusCode, int] = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
_UNEXPLAINED = {
    grpc.StatusCode.UNAVAILABLE: "The {service} service does not answer. Try again in a moment.",
    grpc.StatusCode.DEADLINE_EXCEEDED: "The {service} service did not answer in time.",
    grpc.StatusCode.UNIMPLEMENTED: "The {service} service does not offer this yet.",
    grpc.StatusCode.UNAUTHENTICATED: "Send `Authorization: Bearer …` with an access token or an API key.",
    grpc.StatusCode.PERMISSION_DENIED: "You may not do this.",
    grpc.StatusCode.NOT_FOUND: "There is no such thing.",
}
_UNDERSCORE = re.compile(r"_([a-z0-9])")
_TRACE_KEYS = frozenset(("trace_id", "traceId"))
