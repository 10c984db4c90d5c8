"""/openapi.json and /asyncapi.json are true: valid themselves, and every answer and every event keeps them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from cli.check.expectation import eventually
from cli.check.stream import EventStream
from gateway import openapi
from gateway.routes import rules
from services.chassis import protos
from tests.contract.described import Described, Operation, right_body
from tests.contract.tenants import PASSWORD, Tenant, sample
from tests.contract.wire import Answer, Call, Wire, call, told

Json = dict[str, Any]

OPERATORS = {"CreateTenant", "DeleteTenant", "UndeleteTenant", "BatchCreateTenants"}
NEVER = {*OPERATORS, "UndeleteApiKey"}
"""Operations that never succeed over the network: the operator's, and what would make a revoked key work again."""
TEXTS = ("displayName", "subject", "givenName", "description")
UNSEEN = {
    # Only the operator makes and removes tenants, and nobody deletes a delivery.
    *(f"identity.tenant.{verb}" for verb in ("created", "deleted", "undeleted")),
    *(f"notification.delivery.{verb}" for verb in ("updated", "deleted", "undeleted")),
    # They need a mail server that is away (tests/service/notification).
    *(f"notification.delivery.{verb}" for verb in ("deferred", "failed")),
    "identity.api_key.undeleted",  # a revoked key stays revoked
}
"""Events that a walk through the API cannot cause."""


@dataclass
class Walk:
    """What a walk through all operations brought back."""

    answers: list[tuple[Operation, Answer]] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)


@pytest.fixture(scope="module")
def walk(wire: Wire, platform_url: str, described: Described, theirs: Tenant) -> Walk:
    """Calls every operation of every record once as it is meant to be called, in the order of a record's life."""
    walk = Walk()
    with EventStream(platform_url, theirs.token) as stream:
        walker = _Walker(wire, described, theirs, walk)
        for plural in sorted({operation.tag for operation in described.operations}):
            walker.records(plural)
        walker.trade()
        walker.people()
        wanted = {f"{service}.{kind}" for service, kind in _told(described, wire)} - UNSEEN
        eventually(
            lambda: wanted <= {_channel(seen.event) for seen in stream.seen} or _late(stream, wanted), seconds=30
        )
        walk.events = [seen.event for seen in stream.seen]
    return walk


def test_what_is_served_is_the_description_that_is_proved_to_be_valid(described: Described) -> None:
    # tests/unit/gateway/test_openapi.py runs the validator over it, which takes several seconds.
    assert described.document == openapi.document(rules(protos.services()))


def test_every_operation_was_called_and_succeeded(described: Described, walk: Walk) -> None:
    failed = [f"not {one.success}: {answer}" for one, answer in walk.answers if answer.status != int(one.success)]
    assert not failed, told(failed)
    called = {operation.name for operation, _ in walk.answers}
    missing = {operation.name for operation in described.operations} - called - NEVER
    assert not missing, f"the walk left out {sorted(missing)}"


def test_every_answer_keeps_its_schema(described: Described, walk: Walk) -> None:
    wrong = []
    for operation, answer in walk.answers:
        if answer.status == int(operation.success):
            wrong += [f"{error}: {answer}" for error in described.errors(operation, answer.json)]
    assert not wrong, told(wrong)


def test_every_answer_has_the_headers_that_are_promised(walk: Walk) -> None:
    wrong = []
    for operation, answer in walk.answers:
        promised = {header.lower() for header in operation.headers} - {"idempotent-replayed"}
        if operation.permission == "public":
            promised -= {"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"} - answer.headers.keys()
        if missing := promised - answer.headers.keys():
            wrong.append(f"without {sorted(missing)}: {answer}")
        if "etag" in promised and answer.headers.get("etag") != f'"{answer.json["etag"]}"':
            wrong.append(f"another etag than {answer.headers.get('etag')}: {answer}")
        if "location" in promised and answer.headers.get("location") != f"/v1/{answer.json['name']}":
            wrong.append(f"another location than {answer.headers.get('location')}: {answer}")
        for name, value in (("x-content-type-options", "nosniff"), ("cache-control", "no-store")):
            if answer.headers.get(name) != value:
                wrong.append(f"without {name}: {answer}")
    assert not wrong, told(wrong)


def test_every_error_keeps_the_schema_of_problems(wire: Wire, described: Described, ours: Tenant) -> None:
    answers = wire.send_all(
        [
            call("400", "GET", "/v1/contacts", ours.token, page_size=-1),
            call("400 in a body", "POST", "/v1/contacts", ours.token, {"familyName": 1}),
            call("401", "GET", "/v1/contacts", ""),
            call("403", "POST", "/v1/tenants", ours.token, {}),
            call("404", "GET", "/v1/contacts/none", ours.token),
            call("404 path", "GET", "/v1/nothing", ours.token),
            call("405", "PUT", "/v1/contacts", ours.token, {}),
            call("409", "POST", "/v1/roles", ours.token, {"displayName": "x", "key": "admin"}),
            call("412", "DELETE", f"/v1/{ours.names['contacts']}", ours.token).with_header("If-Match", '"999"'),
            call("414", "GET", "/v1/contacts", ours.token, q="x" * 20_000),
            Call("415", "POST", "/v1/contacts", b"x", {"Content-Type": "text/plain"}, ours.token),
        ]
    )
    wrong = [f"{error}: {answer}" for answer in answers for error in described.problems(answer.json)]
    wrong += [f"not {answer.call.about}: {answer}" for answer in answers if str(answer.status) != answer.call.about[:3]]
    assert not wrong, told(wrong)


def test_what_only_the_platform_sets_cannot_be_set_by_a_caller(
    wire: Wire, described: Described, theirs: Tenant
) -> None:
    wrong = []
    for operation in described.operations:
        if operation.success != "201" or operation.permission == "operator":
            continue
        assert operation.body is not None
        sent = _forged(described, operation)
        body = {**sample(operation.tag, theirs.names, "Forged", uuid.uuid4().hex[:12]), **sent, "etag": "77"}
        created = wire.send(call(f"{operation}: forged", "POST", operation.path, theirs.token, body))
        if created.status != 201 or any(created.json.get(key) == value for key, value in sent.items()):
            wrong.append(str(created))
            continue
        # In a change they are left out likewise: nothing is left to do, so the record stays as it is.
        change = {key: value for key, value in sent.items() if key != "name"}
        changed = wire.send(call(f"{operation}: PATCH", "PATCH", f"/v1/{created.json['name']}", theirs.token, change))
        if changed.status != 200 or any(changed.json.get(key) == value for key, value in change.items()):
            wrong.append(str(changed))
    assert not wrong, told(wrong)


def test_asyncapi_is_whole(wire: Wire) -> None:
    document = _catalogue(wire)
    assert document["asyncapi"] == "3.0.0"
    for reference in _references(document):
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for name, channel in document["channels"].items():
        assert f"{name}.send" in document["operations"], name
        assert channel["description"], name


def test_every_event_on_the_stream_keeps_the_schema_of_its_kind(wire: Wire, walk: Walk) -> None:
    document = _catalogue(wire)
    wrong = []
    for event in walk.events:
        channel = _channel(event)
        message = document["components"]["messages"].get(channel)
        assert message, f"{channel} is not in the catalogue: {event}"
        schema = {**message["payload"], "components": document["components"]}
        found = Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(event)
        wrong += [f"{channel} {error.json_path} {error.message[:200]}" for error in found]
    assert len(walk.events) > 100
    assert not wrong, told(wrong)


def test_every_event_of_the_catalogue_happens(described: Described, wire: Wire, walk: Walk) -> None:
    seen = {_channel(event) for event in walk.events}
    known = {f"{service}.{kind}" for service, kind in _told(described, wire)}
    assert known - seen == UNSEEN & known, f"never seen: {sorted(known - seen - UNSEEN)}"


class _Walker:
    def __init__(self, wire: Wire, described: Described, tenant: Tenant, walk: Walk) -> None:
        self._wire = wire
        self._by_name = {operation.name: operation for operation in described.operations}
        self._operations = described.operations
        self._tenant = tenant
        self._walk = walk
        self._names = dict(tenant.names)

    def records(self, plural: str) -> None:
        """The life of a record of one kind."""
        of_kind = {operation.name: operation for operation in self._operations if operation.tag == plural}
        create = next((one for one in of_kind.values() if one.success == "201" and one.name not in OPERATORS), None)
        if create is not None:
            self._names[plural] = self._call(create).json["name"]
        if plural not in self._names:
            return  # sessions and tokens are no records
        for name, operation in of_kind.items():
            if name.startswith(("Get", "List", "BatchGet")) and name != "GetMe":
                self._call(operation)
        if create is None and plural != "tenants":
            return
        self._change(next(one for one in of_kind.values() if one.method == "PATCH"), plural)
        if create is not None:
            self._call(next(one for one in of_kind.values() if one.name.startswith("BatchCreate")))
            self._call(next(one for one in of_kind.values() if one.method == "DELETE"))
            self._call(next(one for one in of_kind.values() if one.name.startswith("Get") and one.collection))
            undelete = next(one for one in of_kind.values() if one.name.startswith("Undelete"))
            if undelete.name not in NEVER:
                self._call(undelete)
        self._call(next(one for one in of_kind.values() if one.name.endswith("Changes")))

    def trade(self) -> None:
        """What selling and helping have besides."""
        self._say("AssignLead")
        self._say("ConvertLead", {"opportunityDisplayName": "Engines", "closeDate": "2026-12-31"})
        self._say("WinOpportunity")
        self._names["opportunities"] = self._say("CreateOpportunity").json["name"]
        self._say("LoseOpportunity")
        self._say("AssignCase")
        self._say("ReplyToCase")
        self._say("ResolveCase")
        for name in ("ListTimeline", "ListTimelineOfContacts", "ListTimelineOfLeads"):
            self._say(name)

    def people(self) -> None:
        """Passwords and sessions."""
        tenant = self._tenant
        self._say("SetPassword")
        email = self._say("GetUser").json["email"]
        body = {"tenant": tenant.slug, "email": email, "password": PASSWORD}
        session = self._say("SignIn", body, token="").json
        session = self._say("RefreshSession", {"refreshToken": session["refreshToken"]}, token="").json
        self._say("GetMe", token=session["accessToken"])
        passwords = {"currentPassword": PASSWORD, "newPassword": f"{PASSWORD}, newly"}
        self._say("ChangePassword", passwords, token=session["accessToken"])
        self._say("SignOut", {"refreshToken": session["refreshToken"]}, token="")
        self._say("ExchangeApiKey", {"apiKey": tenant.token}, token="")
        self._say("ListSigningKeys", token="")

    def _change(self, operation: Operation, plural: str) -> None:
        known = sample(plural, self._names, "Walk", "walk") if plural != "tenants" else {"displayName": ""}
        name = next(name for name in TEXTS if name in known)
        self._call(operation, {name: f"Changed at {time.time()}"})

    def _say(self, name: str, body: Any = None, *, token: str | None = None) -> Answer:
        return self._call(self._by_name[name], body, token=token)

    def _call(self, operation: Operation, body: Any = None, *, token: str | None = None) -> Answer:
        tenant = Tenant(self._tenant.slug, self._tenant.token, "", "", self._names)
        if operation.body and body is None:
            body = right_body(operation, tenant, uuid.uuid4().hex[:12])
        target = operation.target(tenant.id(operation.collection) if operation.collection else "")
        query: Json = {"names": [self._names[operation.tag]]} if operation.path.endswith(":batchGet") else {}
        if operation.name.startswith("List") and any(one.name == "pageSize" for one in operation.parameters):
            query = {"pageSize": 20}
        one = call(str(operation), operation.method, target, tenant.token if token is None else token, body, **query)
        answer = self._wire.send(one)
        self._walk.answers.append((operation, answer))
        assert answer.status == int(operation.success), str(answer)
        return answer


def _forged(described: Described, operation: Operation) -> Json:
    """A value for every field that only the platform sets."""
    forged: Json = {}
    for name, schema in described.resolved(operation.body or {})["properties"].items():
        if schema.get("readOnly") and name != "state":
            kind = described.resolved(schema)
            text = "2001-01-01T00:00:00.000Z" if kind.get("format") == "date-time" else "users/forged"
            forged[name] = {"array": ["users/forged"], "integer": 7}.get(kind.get("type", ""), text)
    return forged


def _catalogue(wire: Wire) -> Json:
    document: Json = wire.send(call("the catalogue", "GET", "/asyncapi.json", "")).json
    return document


def _told(described: Described, wire: Wire) -> set[tuple[str, str]]:
    """Service and kind.verb of every event in the catalogue."""
    return {(channel.partition(".")[0], channel.partition(".")[2]) for channel in _catalogue(wire)["channels"]}


def _channel(event: Json) -> str:
    """`sales.lead.created` for `kith.sales.v1.lead.created`."""
    _, service, _, kind, verb = event["type"].split(".")
    return f"{service}.{kind}.{verb}"


def _late(stream: EventStream, wanted: set[str]) -> bool:
    """Whether nothing has come for three seconds: then a test says what is missing."""
    count = len(stream.seen)
    time.sleep(3)
    return count == len(stream.seen)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    if isinstance(node, list):
        for value in node:
            yield from _references(value)
