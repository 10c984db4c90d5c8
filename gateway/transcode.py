"""REST to gRPC and back, for any method: what can be known of a route is worked out once, when the process starts.

    headers, path, query, JSON  →  request message  →  gRPC call  →  response message  →  JSON, ETag, Location

Idempotency-Key fills `request_id`, If-Match fills `etag` (of the record in an update, else of the request), and a
PATCH without `updateMask` changes exactly what its body mentions (JSON merge patch, RFC 7396: null clears).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import orjson
from google.protobuf.descriptor import Descriptor

from gateway import errors, repeats
from gateway.channels import Call
from gateway.errors import Problem, bad_request
from gateway.merge_patch import mask_of
from gateway.parameters import Query, parameters
from gateway.requests import Request
from gateway.routes import Rule, Variable
from services.chassis import protos
from services.chassis.errors import InvalidArgument, PermissionDenied
from services.chassis.permissions import PUBLIC
from services.chassis.principal import Principal
from services.chassis.resources import json_codec, json_values
from services.chassis.resources.json_values import Refusal

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful response."""

    status: int
    headers: Headers
    body: bytes


class Route:
    """One HTTP rule, ready to be served."""

    def __init__(self, rule: Rule, call: Call, timeout_seconds: float) -> None:
        self.label = rule.label
        self.permission = protos.permission(rule.method)
        self.public = self.permission == PUBLIC
        self.service = protos.process(rule.method.containing_service)
        self._rule = rule
        self._call = call
        self._timeout = timeout_seconds
        self._input = _Input(rule)
        self._encode = json_codec.encoder(rule.method.output_type)
        self._is_record = protos.resource(rule.method.output_type) is not None
        self._creates = self._is_record and rule.http_method == "POST" and not rule.verb and bool(rule.body)
        self._prefix = rule.body if rule.body not in ("", "*") else ""

    async def answer(
        self, request: Request, segments: list[str], principal: Principal | None, trace: Mapping[str, str]
    ) -> Answer:
        """Calls the method.

        Raises:
            Problem, KithError: the request is wrong, or the service refused it.
        """
        # What a service would refuse anyway need not be sent; it checks again itself, since it trusts no network.
        if principal is not None and not principal.may(self.permission):
            raise PermissionDenied(
                f"you need the permission {self.permission}", metadata={"permission": self.permission}
            )
        try:
            message = await self._input.message(request, segments)
        except InvalidArgument as error:
            raise errors.refused(error, self._prefix) from None
        metadata = [*trace.items(), _credential(request, principal)]
        call = self._call(message, timeout=self._seconds(request), metadata=metadata)
        try:
            response = await call
        except grpc.aio.AioRpcError as error:
            raise self._refused(error, request) from None
        headers: Headers = []
        if request.header(b"idempotency-key") and "idempotent-replayed" in dict(await call.trailing_metadata() or ()):
            headers.append((b"idempotent-replayed", b"true"))
        return self._answered(response, request, headers)

    def _answered(self, response: Any, request: Request, headers: Headers) -> Answer:
        if self._is_record:
            tag = f'"{response.etag}"'
            headers.append((b"etag", tag.encode()))
            if request.method == "GET" and request.header(b"if-none-match") == tag:
                return Answer(304, headers, b"")
        if self._creates:
            headers.append((b"location", f"/v1/{response.name}".encode()))
        return Answer(201 if self._creates else 200, headers, orjson.dumps(self._encode(response)))

    def _refused(self, error: grpc.aio.AioRpcError, request: Request) -> Problem:
        problem = errors.from_rpc(error, self.service, self._prefix)
        if request.header(b"if-match"):
            problem.rename("etag", "If-Match")
            if problem.status == 409 and problem.reason == "ETAG_MISMATCH":
                problem.status = 412
        if request.header(b"idempotency-key"):
            problem.rename("requestId", "Idempotency-Key")
        return problem

    def _seconds(self, request: Request) -> float:
        text = request.header(b"request-timeout")
        if not text:
            return self._timeout
        if not _SECONDS.match(text) or not 0.001 <= float(text) <= 60:
            raise bad_request("Request-Timeout", "must be seconds from 0.001 to 60")
        return float(text)


class _Input:
    """Builds the request message of one rule."""

    def __init__(self, rule: Rule) -> None:
        request = rule.method.input_type
        self._class = protos.message_class(request)
        self._variables = rule.variables
        self._body = rule.body
        self._takes_body = bool(rule.body)
        self._record = self._record_of(request, rule.body)
        self._body_type: Descriptor = self._record or request
        self._patch = rule.http_method == "PATCH" and "update_mask" in request.fields_by_name
        self._has_request_id = "request_id" in request.fields_by_name and rule.http_method != "GET"
        self._gets_request_id = self._has_request_id and repeats.gets_id(rule.method)
        self._etag_in_record = self._record is not None and "etag" in self._record.fields_by_name
        self._etag_in_request = "etag" in request.fields_by_name
        taken = {variable.path[0] for variable in rule.variables}
        known = () if rule.body == "*" else parameters(request, taken | {rule.body})
        self._query = Query(known)

    async def message(self, request: Request, segments: list[str]) -> Any:
        value: Any = await request.json() if self._takes_body else None
        fields = self._from_body(value) if self._takes_body else {}
        self._query.read(request.query(), fields)
        if self._patch and "update_mask" not in fields:
            fields["update_mask"] = mask_of(self._body_type, value)
        for variable in self._variables:
            _fill(fields, variable, "/".join(segments[variable.start : variable.end]))
        if self._has_request_id:
            _fill_request_id(fields, request)
        if (tag := request.header(b"if-match")) and tag.strip() != "*":
            self._fill_etag(fields, tag)
        if self._gets_request_id and not fields.get("request_id"):
            fields["request_id"] = repeats.new_id()
        return self._class(**fields)

    def _from_body(self, value: Any) -> dict[str, Any]:
        if self._record is None:
            return json_codec.decode_fields(self._body_type, {} if value is None else value, drop_output_only=True)
        if value is None:
            raise Problem(400, "BODY_MISSING", "Send the record as a JSON object in the body.")
        return {self._body: json_codec.decode_fields(self._body_type, value, drop_output_only=True)}

    def _fill_etag(self, fields: dict[str, Any], tag: str) -> None:
        match = _TAG.match(tag.strip())
        if match is None:
            raise bad_request("If-Match", 'must be one entity tag such as "3", as the ETag header gave it')
        if not self._etag_in_record and not self._etag_in_request:
            raise bad_request("If-Match", "is not supported by this method")
        target = fields.setdefault(self._body, {}) if self._etag_in_record else fields
        if target.get("etag", match[1]) != match[1]:
            raise bad_request("If-Match", "differs from the etag in the body: send one of them")
        target["etag"] = match[1]

    @staticmethod
    def _record_of(request: Descriptor, body: str) -> Descriptor | None:
        return request.fields_by_name[body].message_type if body not in ("", "*") else None


def _credential(request: Request, principal: Principal | None) -> tuple[str, str]:
    """The caller's token; for a public method its address, by which attempts are counted."""
    if principal is not None:
        return "authorization", f"Bearer {principal.token}"
    client = request.scope.get("client")
    return "kith-client-address", client[0] if client else ""


def _fill(fields: dict[str, Any], variable: Variable, value: str) -> None:
    *outer, last = variable.path
    for step in outer:
        fields = fields.setdefault(step, {})
    try:
        json_values.text(value)
    except Refusal as refusal:
        raise bad_request(last, refusal.expected) from None
    if fields.get(last, value) != value:
        raise bad_request(last, f"is {json_values.shown(fields[last])}, but the path says {value}: they must agree")
    fields[last] = value


def _fill_request_id(fields: dict[str, Any], request: Request) -> None:
    header = request.header(b"idempotency-key")
    if not header:
        return
    key = header[1:-1] if len(header) > 1 and header[0] == header[-1] == '"' else header
    if not 0 < len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise bad_request("Idempotency-Key", "must be 1 to 255 printable ASCII characters")
    if fields.get("request_id", key) != key:
        raise bad_request("Idempotency-Key", "differs from the request id in the request: send one of them")
    fields["request_id"] = key


_TAG = re.compile(r'(?:W/)?"([^"\x00-\x1f\x7f]{0,64})"\Z')
_SECONDS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?\Z")
