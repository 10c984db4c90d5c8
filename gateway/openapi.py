"""The API's description (OpenAPI 3.1), made from the same rules and protos by which requests are served."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway import openapi_parts as parts
from gateway.parameters import parameters
from gateway.routes import Rule
from gateway.schemas import Schema, Schemas, description, example_of, is_output_only, is_required
from services.chassis import protos
from services.chassis.permissions import PUBLIC
from services.chassis.telemetry.runtime import version

_ID = "0198f3c2-7c1e-7a3b-9d4e-5f6a7b8c9d0e"


def document(rules: Iterable[Rule]) -> dict[str, Any]:
    """The whole description of the given rules."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    tags: dict[str, str] = {}
    used: set[str] = set()
    for rule in rules:
        tag = _tag(rule)
        tags.setdefault(tag, _about(tag, rule))
        paths.setdefault(rule.label, {})[rule.http_method.lower()] = _operation(rule, tag, schemas, used)
    paths["/v1/events:stream"] = {"get": parts.STREAM}
    tags["events"] = "What happens, as it happens."
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kith",
            "version": version(),
            "description": parts.INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"session": []}],
        "tags": [{"name": name, "description": text} for name, text in sorted(tags.items())],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {"Problem": parts.PROBLEM, **dict(sorted(schemas.components.items()))},
            "responses": parts.RESPONSES,
            "parameters": parts.PARAMETERS,
            "headers": parts.HEADERS,
            "securitySchemes": parts.SECURITY,
        },
    }


def _operation(rule: Rule, tag: str, schemas: Schemas, used: set[str]) -> dict[str, Any]:
    text = protos.comments().get(rule.method.full_name, rule.method.name)
    permission = protos.permission(rule.method)
    operation: dict[str, Any] = {
        "operationId": _unused(rule.method.name, tag, used),
        "tags": [tag],
        "summary": text.partition(".")[0].partition(":")[0],
        "description": text,
        "x-permission": permission,
        "x-grpc": f"{rule.method.containing_service.full_name}/{rule.method.name}",
        "parameters": _parameters(rule, schemas),
        "responses": _responses(rule, schemas),
    }
    if permission == PUBLIC:
        operation["security"] = []
    body = _body(rule, schemas)
    if body is not None:
        operation["requestBody"] = body
    return operation


def _parameters(rule: Rule, schemas: Schemas) -> list[dict[str, Any]]:
    request = rule.method.input_type
    found = [_path_parameter(rule, index) for index, segment in enumerate(rule.segments) if segment == "*"]
    taken = {variable.path[0] for variable in rule.variables} | {rule.body}
    for parameter in () if rule.body == "*" else parameters(request, taken):
        if parameter.path == ("request_id",):
            continue  # the header Idempotency-Key says the same
        schema = schemas.field(parameter.field)
        text = schema.pop("description", "")
        found.append({"name": parameter.name, "in": "query", "description": text, "schema": schema})
        if is_required(parameter.field):
            found[-1]["required"] = True
    if "request_id" in request.fields_by_name:
        found.append({"$ref": "#/components/parameters/IdempotencyKey"})
    if rule.http_method == "PATCH" or "etag" in request.fields_by_name:
        found.append({"$ref": "#/components/parameters/IfMatch"})
    if rule.http_method == "GET" and protos.resource(rule.method.output_type) is not None:
        found.append({"$ref": "#/components/parameters/IfNoneMatch"})
    found.append({"$ref": "#/components/parameters/RequestTimeout"})
    return found


def _path_parameter(rule: Rule, index: int) -> dict[str, Any]:
    name = rule.label.split("/")[index + 1].partition(":")[0].strip("{}")
    collection = rule.segments[index - 1]
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": f"The last part of the name `{collection}/…`.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": 190,
            "pattern": "^[^/]+$",
            "examples": [_ID],
        },
    }


def _body(rule: Rule, schemas: Schemas) -> dict[str, Any] | None:
    if not rule.body:
        return None
    request = rule.method.input_type
    message: Descriptor = request
    if rule.body == "*":
        schema = schemas.of(request)
        bound = {variable.path[0] for variable in rule.variables}
        if bound:
            schema = _without(request, bound, schemas)
    else:
        message = request.fields_by_name[rule.body].message_type or request
        schema = schemas.patch_of(message) if rule.http_method == "PATCH" else schemas.of(message)
    content: dict[str, Any] = {"schema": schema}
    example = example_body(message, {variable.path[-1] for variable in rule.variables})
    if example:
        content["example"] = example
    kinds = ["application/json"]
    if rule.http_method == "PATCH":
        kinds.append("application/merge-patch+json")
    return {"required": rule.body != "*", "content": dict.fromkeys(kinds, content)}


def _without(request: Descriptor, bound: set[str], schemas: Schemas) -> Schema:
    """The request's schema without what the path says already."""
    left = [field for field in request.fields if field.name not in bound]
    schema: Schema = {
        "type": "object",
        "properties": {field.json_name: schemas.field(field) for field in left},
        "additionalProperties": False,
    }
    required = [field.json_name for field in left if is_required(field)]
    return {**schema, "required": required} if required else schema


def _responses(rule: Rule, schemas: Schemas) -> dict[str, Any]:
    output = rule.method.output_type
    record = protos.resource(output) is not None
    created = record and rule.http_method == "POST" and not rule.verb
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in parts.EVERY_RESPONSE}
    if record:
        headers["ETag"] = {"$ref": "#/components/headers/ETag"}
    if created:
        headers["Location"] = {"$ref": "#/components/headers/Location"}
    if "request_id" in rule.method.input_type.fields_by_name:
        headers["Idempotent-Replayed"] = {"$ref": "#/components/headers/Idempotent-Replayed"}
    success = {
        "description": protos.comments().get(output.full_name, output.name),
        "headers": headers,
        "content": {"application/json": {"schema": schemas.of(output)}},
    }
    answers: dict[str, Any] = {"201" if created else "200": success}
    if rule.http_method == "GET" and record:
        answers["304"] = {"description": "The record is still the one with that ETag."}
    for status in parts.statuses(rule, protos.permission(rule.method) == PUBLIC):
        answers[status] = {"$ref": f"#/components/responses/{status}"}
    return answers


def example_body(message: Descriptor, without: set[str], depth: int = 2) -> dict[str, Any]:
    """A small body that one could send: what is required, and what has an example."""
    example: dict[str, Any] = {}
    for field in message.fields:
        if field.name in without or field.name in ("etag", "request_id") or is_output_only(field):
            continue
        value = _example(field, depth)
        if value is None and is_required(field) and depth < 2:
            return {}  # a part of a message that cannot be shown whole is not shown
        if value is not None and (len(example) < 6 or is_required(field)):
            example[field.json_name] = [value] if field.is_repeated else value
    return example


def _example(field: FieldDescriptor, depth: int) -> Any:
    text = example_of(field)
    if text is not None:
        return text
    if protos.is_map(field):
        return None
    if field.message_type is not None:
        known = field.message_type.full_name.startswith("google.protobuf.")
        return None if known or depth == 0 else example_body(field.message_type, set(), depth - 1) or None
    if not is_required(field):
        return None
    if field.enum_type is not None:
        return field.enum_type.values[min(1, len(field.enum_type.values) - 1)].name
    return _sample(field) if depth == 2 else None


def _sample(field: FieldDescriptor) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return description(field).rstrip(".")[:40] or "text"
    return field.type == FieldDescriptor.TYPE_BOOL or 1


def _tag(rule: Rule) -> str:
    return rule.segments[1] if len(rule.segments) > 1 and rule.segments[1] != "*" else rule.segments[0]


def _about(tag: str, rule: Rule) -> str:
    """What the record of a collection is; for a path that is no collection, what its service does."""
    for record in protos.records():
        resource = protos.resource(record)
        if resource is not None and resource.plural == tag:
            return protos.comments().get(record.full_name, "")
    return protos.comments().get(rule.method.containing_service.full_name, "")


def _unused(name: str, tag: str, used: set[str]) -> str:
    """The method's name; for its further paths with the collection: `ListTimelineOfContacts`."""
    unused = name if name not in used else f"{name}Of{tag[0].upper()}{tag[1:]}"
    used.add(unused)
    return unused
