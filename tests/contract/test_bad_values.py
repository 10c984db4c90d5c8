"""Wrong values in every field, parameter and path of every operation: refused, named, quickly, and nothing changes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

import pytest

from tests.contract.described import Described, Operation, placed, right_body, spelled
from tests.contract.tenants import ABSENT, Tenant
from tests.contract.wire import Answer, Call, Wire, refusals, told
from tests.contract.wrong import wrong_parameters, wrong_values

pytestmark = pytest.mark.usefixtures("nothing_changes")

_IDS = (
    "%00",
    "%ff",
    "%ed%a0%80",
    "..%2f..",
    "%24ne",
    "x" * 191,
    "x" * 12_000,
    "%7B%22$ne%22:1%7D",
    "a%20b",
    "*",
    "-",
    ABSENT,
)


def test_every_wrong_value_in_every_field_is_refused_and_named(wire: Wire, described: Described, ours: Tenant) -> None:
    with_body = [operation for operation in described.operations if operation.body]
    assert len(with_body) > 60, "the description has lost its operations"
    answers = wire.send_all(call for operation in with_body for call in _wrong_bodies(described, operation, ours))
    assert not (wrong := [*refusals(answers), *_unnamed(answers)]), told(wrong)


def test_every_required_field_that_is_missing_is_named(wire: Wire, described: Described, ours: Tenant) -> None:
    with_body = (
        operation for operation in described.operations if operation.body and operation.permission != "operator"
    )
    answers = wire.send_all(call for operation in with_body for call in _incomplete_bodies(described, operation, ours))
    assert len(answers) > 30
    assert not (wrong := [*refusals(answers), *_unnamed(answers)]), told(wrong)


def test_every_wrong_parameter_is_refused_and_named(wire: Wire, described: Described, ours: Tenant) -> None:
    answers = wire.send_all(call for operation in described.operations for call in _wrong_queries(operation, ours))
    assert not (wrong := [*refusals(answers), *_unnamed(answers)]), told(wrong)


def test_every_wrong_id_in_every_path_is_refused(wire: Wire, described: Described, ours: Tenant) -> None:
    with_id = [operation for operation in described.operations if operation.collection]
    answers = wire.send_all(call for operation in with_id for call in _wrong_paths(operation, ours))
    assert not (wrong := refusals(answers)), told(wrong)
    statuses = {answer.status for answer in answers}
    assert statuses <= {400, 403, 404, 414}, statuses


def test_the_event_stream_takes_no_wrong_parameter_either(wire: Wire, ours: Tenant) -> None:
    stream = Call("stream", "GET", "/v1/events:stream", token=ours.token)
    calls = [
        replace(stream, about=query, target=f"{stream.target}?{query}", expects=query.partition("=")[0])
        for query in ("kinds=nothing", "kinds=$ne", "kinds=contact,%00", "kinds=%ff", "zzz=1", f"kinds={'x' * 9_000}")
    ]
    for text in ("x", "1", "0" * 37, "é", "$ne", "x" * 5_000):
        encoded = text.encode().decode("latin-1")
        calls.append(replace(stream, about=text[:20], expects="Last-Event-ID").with_header("Last-Event-ID", encoded))
    answers = wire.send_all(calls)
    wrong = [*refusals(answers), *_unnamed(answers)]
    assert not wrong, told(wrong)


def _wrong_bodies(described: Described, operation: Operation, tenant: Tenant) -> Iterator[Call]:
    assert operation.body is not None
    right = right_body(operation, tenant, uuid.uuid4().hex[:12])
    values = enumerate(wrong_values(described, operation.body))
    # Changes and batches read values as creates do, so a third is enough there, and all that is too long.
    third = operation.method == "PATCH" or operation.path.endswith(":batchCreate")
    for path, value in (wrong for number, wrong in values if not third or number % 3 == 0 or _is_long(wrong[1])):
        about = f"{operation}: {spelled(path)} = {value!r:.60}"
        yield _with_body(about, operation, tenant, placed(right, path, value), spelled(path))


def _is_long(value: object) -> bool:
    return isinstance(value, str | list) and len(value) > 40


def _incomplete_bodies(described: Described, operation: Operation, tenant: Tenant) -> Iterator[Call]:
    assert operation.body is not None
    right = right_body(operation, tenant, uuid.uuid4().hex[:12])
    for name in described.resolved(operation.body).get("required", ()) if operation.method == "POST" else ():
        left = {key: value for key, value in right.items() if key != name}
        yield _with_body(f"{operation}: without {name}", operation, tenant, left, name)
        if name != "requests":
            yield _with_body(f"{operation}: {name} is null", operation, tenant, {**right, name: None}, name)


def _with_body(about: str, operation: Operation, tenant: Tenant, body: object, field: str) -> Call:
    target = operation.target(tenant.id(operation.collection) if operation.collection else "")
    return Call(about, operation.method, target, json.dumps(body).encode(), token=tenant.token, expects=field)


def _wrong_queries(operation: Operation, tenant: Tenant) -> Iterator[Call]:
    target = operation.target(tenant.id(operation.collection) if operation.collection else "")
    body = json.dumps(right_body(operation, tenant, "q")).encode() if operation.body else None
    right = Call("", operation.method, target, body, token=tenant.token)
    needed = f"&names={tenant.names[operation.tag]}" if operation.path.endswith(":batchGet") else ""
    for name, query in wrong_parameters(operation):
        own = "" if name == "names" else needed
        yield replace(right, about=f"{operation}: ?{query:.80}", target=f"{target}?{query}{own}", expects=name)


def _wrong_paths(operation: Operation, tenant: Tenant) -> Iterator[Call]:
    body = json.dumps(right_body(operation, tenant, "p")).encode() if operation.body else None
    before, _, rest = operation.path.partition("{")
    other = "accounts" if operation.collection != "accounts" else "contacts"
    for identifier in (*_IDS, tenant.id(other), quote(tenant.names[operation.collection], safe="")):
        if operation.name.startswith("ListTimeline") and identifier in (ABSENT, tenant.id(other)):
            continue  # a customer of whom nobody ever heard has an empty timeline
        target = f"{before}{identifier}{rest.partition('}')[2]}"
        yield Call(f"{operation}: {identifier:.60}", operation.method, target, body, token=tenant.token)


def _unnamed(answers: list[Answer]) -> list[str]:
    """Refusals that do not name the field at fault."""
    return [
        f"{answer.call.expects[:80]} is not named: {answer}"
        for answer in answers
        if answer.status == 400 and answer.call.expects and not _names(answer, answer.call.expects)
    ]


def _names(answer: Answer, field: str) -> bool:
    """Whether the field is named, or something in it; long names are cut off, and what is not JSON has no path yet."""
    if answer.json["reason"] == "INVALID_JSON":
        field = field.rpartition(".")[2].partition("[")[0]
    return any(named[:60].startswith(field[:60]) for named in answer.fields)
