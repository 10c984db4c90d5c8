"""The parts of the API's description that are the same for every method."""

from __future__ import annotations

from typing import Any

from gateway.routes import Rule

INTRODUCTION = """\
The REST face of Kith. Every call is a gRPC method with the same meaning; the same protos describe both.

**Names.** A record's `name` is its path: `contacts/0198…` is at `/v1/contacts/0198…`.

**Safe retries.** Send an `Idempotency-Key` with every call that changes something: the same key gives the same answer
for seven days, so a call whose answer was lost can simply be sent again.

**No lost updates.** A record's `ETag` sent back as `If-Match` makes a change fail if somebody else was faster.

**Partial updates.** `PATCH` changes the fields that the body mentions; `null` clears one (RFC 7396).

**Errors** are problem documents (RFC 9457) with a stable `reason`, the fields at fault, and a `traceId`.

Query parameters may be written in lowerCamelCase or snake_case.
"""

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "An error (RFC 9457).",
    "required": ["type", "title", "status", "detail", "reason", "traceId"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "The kind of error as a URN."},
        "title": {"type": "string", "description": "The HTTP status in words."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What is wrong, for people."},
        "reason": {
            "type": "string",
            "pattern": "^[A-Z0-9_]+$",
            "description": "What is wrong, for programs.",
        },
        "traceId": {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "Where to look it up."},
        "errors": {
            "type": "array",
            "description": "The fields, parameters or headers at fault.",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {
                    "field": {
                        "type": "string",
                        "description": "Its path, for example `emailAddresses[0].value`.",
                    },
                    "detail": {"type": "string", "description": "What is expected of it."},
                },
            },
        },
        "metadata": {
            "type": "object",
            "description": "More for programs, for example the current etag.",
            "additionalProperties": {"type": "string"},
        },
    },
    "examples": [
        {
            "type": "urn:kith:error:invalid-argument",
            "title": "Bad Request",
            "status": 400,
            "detail": "emailAddresses[0].value expects a text, not 7",
            "reason": "INVALID_ARGUMENT",
            "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
            "errors": [{"field": "emailAddresses[0].value", "detail": "expects a text, not 7"}],
        }
    ],
}

_MEANINGS = {
    "400": "A part of the request is wrong, or the record's state forbids this; `errors` names the parts.",
    "401": "There is no valid token or API key.",
    "403": "The caller lacks the permission.",
    "404": "There is no such record in the caller's tenant.",
    "409": "A unique value is taken, or somebody else was faster, or the same request is still under way.",
    "412": "`If-Match` is not the record's current etag; `metadata.etag` is.",
    "413": "The body is larger than 8 MiB, or the answer would be too large.",
    "415": "The body is not plain JSON.",
    "429": "Too many requests; `Retry-After` says when to go on.",
    "500": "Something went wrong on our side.",
    "503": "A service does not answer; try again.",
    "504": "No answer in time.",
}


def _response(status: str, text: str) -> dict[str, Any]:
    headers: dict[str, Any] = {"Trace-Id": {"$ref": "#/components/headers/Trace-Id"}}
    if status in ("429", "503"):
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": text, "headers": headers, "content": problem}


RESPONSES = {status: _response(status, text) for status, text in _MEANINGS.items()}


def statuses(rule: Rule, public: bool) -> list[str]:
    """The error statuses that a rule's method can answer with."""
    left_out = set()
    if public:
        left_out.add("403")
    if not rule.variables:
        left_out |= {"404", "412"}
    if rule.http_method == "GET":
        left_out |= {"409", "412"}
    if not rule.body:
        left_out.add("415")
    return [status for status in RESPONSES if status not in left_out]


def _text(text: str, **schema: Any) -> dict[str, Any]:
    return {"description": text, "schema": {"type": "string", **schema}}


EVERY_RESPONSE = ("Trace-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
HEADERS: dict[str, Any] = {
    "ETag": _text("Changes with every change of the record.", examples=['"3"']),
    "Location": _text("The path of the new record."),
    "Trace-Id": _text("The trace in which the request can be seen.", pattern="^[0-9a-f]{32}$"),
    "Idempotent-Replayed": _text("`true` when this is the stored answer to an earlier request with the same key."),
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
    "RateLimit-Limit": {"description": "Requests possible at once.", "schema": {"type": "integer"}},
    "RateLimit-Remaining": {"description": "How many of them are left.", "schema": {"type": "integer"}},
    "RateLimit-Reset": {"description": "Seconds until all are there again.", "schema": {"type": "integer"}},
}


def _header(name: str, text: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, **_text(text, **schema)}


PARAMETERS: dict[str, Any] = {
    "IdempotencyKey": _header(
        "Idempotency-Key",
        "Any unique text: a repeated request with the same key is answered as the first one was.",
        minLength=1,
        maxLength=255,
        pattern="^[ -~]+$",
        examples=["4e1b4d0c-6c1c-4a9e-8c55-1d3d7a0f5a4b"],
    ),
    "IfMatch": _header("If-Match", "The ETag that the record must still have.", examples=['"3"']),
    "IfNoneMatch": _header("If-None-Match", "An ETag: the answer is 304 if the record still has it.", examples=['"3"']),
    "RequestTimeout": _header(
        "Request-Timeout",
        "Seconds after which the caller no longer waits, 0.001 to 60; 10 when it is not sent.",
        pattern="^[0-9]{1,3}(\\.[0-9]{1,6})?$",
    ),
}

SECURITY: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key (`kith_…`), or the access token that `POST /v1/sessions:signIn` answers.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "kith_session",
        "description": "An access token in a cookie, for pages of the same origin.",
    },
}

STREAM: dict[str, Any] = {
    "operationId": "StreamEvents",
    "tags": ["events"],
    "summary": "Streams the tenant's events as they happen",
    "description": (
        "Server-sent events: `id` is the event's id, `event` its kind and verb (`contact.created`), `data` the "
        "CloudEvent as JSON. Only kinds that the caller may read are sent.\n\nWith `Last-Event-ID` the stream first "
        "brings what happened since; nothing is left out, and the events of the five seconds before that id may come "
        "again: drop ids you have seen. A browser's EventSource does this by itself. The server closes streams when "
        "it cannot promise completeness, so clients must reconnect."
    ),
    "x-permission": "events.read",
    "parameters": [
        {
            "name": "kinds",
            "in": "query",
            "description": "Kinds of records, separated by commas; all that the caller may read when it is not given.",
            "schema": {"type": "string", "maxLength": 1000, "examples": ["contact,lead"]},
        },
        {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "Go on after this event.",
            "schema": {"type": "string"},
        },
    ],
    "responses": {
        "200": {
            "description": "The stream, until either side closes it.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **{status: {"$ref": f"#/components/responses/{status}"} for status in ("400", "401", "403", "429", "503")},
    },
}
