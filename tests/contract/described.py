"""The operations of the API as /openapi.json describes them, and requests to them that are right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator, FormatChecker

from tests.contract.tenants import PASSWORD, Tenant, sample

Json = dict[str, Any]
Step = str | int
STREAM = "StreamEvents"


@dataclass(frozen=True)
class Parameter:
    """A query parameter."""

    name: str
    schema: Json


@dataclass(frozen=True)
class Operation:
    """One method on one path."""

    name: str
    method: str
    path: str
    permission: str
    tag: str
    parameters: tuple[Parameter, ...]
    body: Json | None
    """The schema of the body; None when it takes none."""
    body_required: bool
    success: str
    answer: Json
    """The schema of the body of a success."""
    headers: frozenset[str]
    """The headers of a success."""
    takes: frozenset[str]
    """The standard headers that it takes: IdempotencyKey, IfMatch, IfNoneMatch, RequestTimeout."""

    def __str__(self) -> str:
        return f"{self.name} ({self.method} {self.path})"

    @property
    def collection(self) -> str:
        """The plural of the records that the path's id is of; empty when the path has none."""
        before, brace, _ = self.path.partition("/{")
        return before.rpartition("/")[2] if brace else ""

    def target(self, identifier: str) -> str:
        """The path with an id, encoded, in the place of its variable."""
        if not self.collection:
            return self.path
        before, _, rest = self.path.partition("{")
        return before + quote(identifier, safe="$") + rest.partition("}")[2]


class Described:
    """The description, read."""

    def __init__(self, document: Json) -> None:
        self.document = document

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """Every operation but the event stream, which is no question with one answer."""
        return tuple(operation for operation in self._all() if operation.name != STREAM)

    def operation(self, name: str) -> Operation:
        """An operation by its name."""
        return next(operation for operation in self.operations if operation.name == name)

    def resolved(self, schema: Json) -> Json:
        """A schema without its outermost reference, and without null where that is possible too."""
        if "anyOf" in schema:
            schema = next(one for one in schema["anyOf"] if one.get("type") != "null")
        if "$ref" in schema:
            node: Any = self.document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                node = node[step]
            return self.resolved(node)
        if isinstance(schema.get("type"), list):
            return {**schema, "type": next(kind for kind in schema["type"] if kind != "null")}
        return schema

    def references(self, schema: Json, path: tuple[Step, ...] = (), depth: int = 6) -> Iterator[tuple[Step, ...]]:
        """Where in a value of a schema the name of a record stands that a caller may set."""
        schema = self.resolved(schema)
        if "x-reference" in schema:
            yield path
        if schema.get("type") == "array" and depth:
            yield from self.references(schema["items"], (*path, 0), depth - 1)
        for name, value in schema.get("properties", {}).items() if depth else ():
            if not value.get("readOnly"):
                yield from self.references(value, (*path, name), depth - 1)

    def errors(self, operation: Operation, value: Any) -> list[str]:
        """How an answer differs from what the operation promises."""
        found = self._validator(operation.answer).iter_errors(value)
        return [f"{error.json_path} {error.message[:200]}" for error in found]

    def problems(self, value: Any) -> list[str]:
        """How an error's document differs from what is promised of all errors."""
        schema = {"$ref": "#/components/schemas/Problem"}
        return [f"{error.json_path} {error.message[:200]}" for error in self._validator(schema).iter_errors(value)]

    def _validator(self, schema: Json) -> Draft202012Validator:
        whole = {**schema, "components": self.document["components"]}
        return Draft202012Validator(whole, format_checker=FormatChecker())

    def _all(self) -> Iterator[Operation]:
        for path, methods in self.document["paths"].items():
            for method, one in methods.items():
                yield self._operation(path, method, one)

    def _operation(self, path: str, method: str, one: Json) -> Operation:
        body = one.get("requestBody", {})
        success = next(status for status in one["responses"] if status.startswith("2"))
        content = one["responses"][success].get("content", {})
        parameters = (
            Parameter(parameter["name"], self.resolved(parameter["schema"]))
            for parameter in one["parameters"]
            if parameter.get("in") == "query"
        )
        return Operation(
            name=one["operationId"],
            method=method.upper(),
            path=path,
            permission=one["x-permission"],
            tag=one["tags"][0],
            parameters=tuple(parameters),
            body=body.get("content", {}).get("application/json", {}).get("schema"),
            body_required=body.get("required", False),
            success=success,
            answer=content.get("application/json", {}).get("schema", {}),
            headers=frozenset(one["responses"][success].get("headers", {})),
            takes=frozenset(p["$ref"].rpartition("/")[2] for p in one["parameters"] if "$ref" in p),
        )


def right_body(operation: Operation, tenant: Tenant, mark: str) -> Any:
    """A body that the operation takes."""
    if operation.name in BODIES:
        return BODIES[operation.name](tenant.names)
    if operation.method == "PATCH" or operation.path.endswith(":undelete"):
        return {}
    record = sample(operation.tag, tenant.names, "Homeland", mark) if operation.tag != "tenants" else TENANT
    if operation.path.endswith(":batchCreate"):
        return {"requests": [{singular(operation): record}]}
    return record


def singular(operation: Operation) -> str:
    """What one record of a batch is called in its request."""
    return {"activities": "activity", "opportunities": "opportunity"}.get(
        operation.tag, operation.tag.removesuffix("s")
    )


def placed(body: Any, path: tuple[Step, ...], value: Any) -> Any:
    """A copy of a body with a value at a path; what is not there on the way is made."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        items = list(body) if isinstance(body, list) else []
        items += [None] * (step + 1 - len(items))
        items[step] = placed(items[step], rest, value)
        return items
    return {**(body if isinstance(body, dict) else {}), step: placed((body or {}).get(step), rest, value)}


def spelled(path: tuple[Step, ...]) -> str:
    """A path as errors spell it: `requests[0].contact.givenName`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


TENANT = {"displayName": "Nobody's", "slug": "nobodys"}
_PASSWORDS = {"currentPassword": PASSWORD, "newPassword": f"{PASSWORD}, newly"}
BODIES: Mapping[str, Any] = {
    "ConvertLead": lambda names: {"opportunityDisplayName": "Engines"},
    "AssignLead": lambda names: {"owner": names["users"]},
    "WinOpportunity": lambda names: {},
    "LoseOpportunity": lambda names: {"lossReason": "price"},
    "AssignCase": lambda names: {"assignee": names["users"]},
    "ReplyToCase": lambda names: {"body": "We are on it."},
    "ResolveCase": lambda names: {"resolution": "Turned it the other way."},
    "SetPassword": lambda names: {"password": PASSWORD},
    "ChangePassword": lambda names: _PASSWORDS,
    "SignIn": lambda names: {"tenant": "nobody", "email": "nobody@example.com", "password": PASSWORD},
    "RefreshSession": lambda names: {"refreshToken": "kith_rt_none"},
    "SignOut": lambda names: {"refreshToken": "kith_rt_none"},
    "ExchangeApiKey": lambda names: {"apiKey": "kith_none_none"},
}
