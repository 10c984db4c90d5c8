"""Two tenants: whatever id of the other's a caller uses, wherever, it is as if there were no such record (BOLA)."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from functools import partial

import pytest

from cli.check.expectation import eventually
from cli.check.stream import EventStream
from tests.contract.described import Described, Operation, placed, right_body, spelled
from tests.contract.tenants import ABSENT, SECRET_WORD, Tenant
from tests.contract.wire import Answer, Call, Wire, call, refusals, told

_UNIQUE = re.compile(rb'"traceId":"[0-9a-f]+"')


@pytest.mark.usefixtures("nothing_changes")
def test_another_tenants_id_in_a_path_is_answered_like_one_that_nobody_has(
    wire: Wire, described: Described, ours: Tenant, theirs: Tenant
) -> None:
    with_id = [operation for operation in described.operations if operation.collection]
    assert len(with_id) > 90
    foreign = wire.send_all(_by_id(operation, ours, theirs.id(operation.collection)) for operation in with_id)
    absent = wire.send_all(_by_id(operation, ours, ABSENT) for operation in with_id)
    wrong = []
    for operation, theirs_answer, absent_answer in zip(with_id, foreign, absent, strict=True):
        expected = 403 if operation.permission == "operator" else 404
        if operation.name.startswith("ListTimeline"):
            expected = 200  # a customer of whom nobody ever heard has an empty timeline
        if theirs_answer.status != expected or _told(theirs_answer) != _told(absent_answer):
            wrong.append(f"{theirs_answer}\n    while one that nobody has: {absent_answer}")
    assert not wrong, told(wrong)


@pytest.mark.usefixtures("nothing_changes")
def test_another_tenants_record_cannot_be_referred_to_from_any_field(
    wire: Wire, described: Described, ours: Tenant, theirs: Tenant
) -> None:
    with_body = [
        operation for operation in described.operations if operation.body and operation.permission != "operator"
    ]
    foreign = list(_references(described, with_body, ours, theirs))
    assert len(foreign) > 80
    answers = [wire.send(one) for one in foreign]  # one after the other: who converts a lead twice at once is told so
    wrong = refusals(answers)
    wrong += [f"not named: {answer}" for answer in answers if answer.call.expects not in answer.fields]
    wrong += [f"it tells of the other: {answer}" for answer in answers if SECRET_WORD.encode() in answer.body]
    assert not wrong, told(wrong)


@pytest.mark.usefixtures("nothing_changes")
def test_another_tenants_records_cannot_be_read_in_bulk(
    wire: Wire, described: Described, ours: Tenant, theirs: Tenant
) -> None:
    calls = [
        call(f"{operation}: {about}", "GET", operation.path, ours.token, names=names)
        for operation in described.operations
        if operation.path.endswith(":batchGet")
        for about, names in (
            ("one of theirs", [theirs.names[operation.tag]]),
            ("one of theirs among ours", [ours.names[operation.tag], theirs.names[operation.tag]]),
        )
    ]
    answers = wire.send_all(calls)
    wrong = [str(answer) for answer in answers if answer.status != 404 or SECRET_WORD.encode() in answer.body]
    assert not wrong, told(wrong)


@pytest.mark.usefixtures("nothing_changes")
def test_no_list_search_or_filter_finds_another_tenants_records(
    wire: Wire, described: Described, ours: Tenant, theirs: Tenant
) -> None:
    answers = wire.send_all(_lists(described, ours, theirs))
    wrong = []
    for answer in answers:
        secrets = [SECRET_WORD, *theirs.names.values()]
        unsearchable = answer.call.expects and answer.status == 400 and answer.fields == ["q"]
        if not (answer.status == 200 or unsearchable) or any(secret.encode() in answer.body for secret in secrets):
            wrong.append(str(answer))
    assert not wrong, told(wrong)


@pytest.mark.usefixtures("nothing_changes")
def test_another_tenants_page_tokens_are_refused(
    wire: Wire, described: Described, ours: Tenant, theirs: Tenant
) -> None:
    answers = []
    for operation in described.operations:
        if operation.name.startswith("List") and any(one.name == "pageToken" for one in operation.parameters):
            same = theirs.id(operation.collection) if operation.collection else ""
            page = wire.send(call("their page", "GET", operation.target(same), theirs.token, page_size=1))
            token = page.json.get("nextPageToken")
            if token:
                mine = operation.target(ours.id(operation.collection) if operation.collection else "")
                taken = call(f"{operation}: their token", "GET", mine, ours.token, page_size=1, page_token=token)
                answers.append(wire.send(taken))
    assert len(answers) > 5
    wrong = [str(answer) for answer in answers if answer.status != 400 or answer.fields != ["pageToken"]]
    assert not wrong, told(wrong)


def test_the_same_idempotency_key_means_something_else_in_another_tenant(
    wire: Wire, ours: Tenant, theirs: Tenant
) -> None:
    key, body = f"both-{uuid.uuid4()}", {"familyName": "Same"}
    answers = [
        wire.send(call("create", "POST", "/v1/contacts", tenant.token, body).with_header("Idempotency-Key", key))
        for tenant in (ours, theirs)
    ]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].json["name"] != answers[1].json["name"]
    assert "idempotent-replayed" not in answers[1].headers


def test_a_tenant_named_in_a_header_or_in_the_body_is_not_heard(wire: Wire, ours: Tenant, theirs: Tenant) -> None:
    request = call("get", "GET", f"/v1/{theirs.names['contacts']}", ours.token)
    me = wire.send(call("me", "GET", "/v1/users:me", theirs.token)).json
    for name in ("Tenant", "X-Tenant", "X-Tenant-Id", "Kith-Tenant", "Host"):
        for value in (theirs.slug, me["tenant"]["name"]):
            assert (answer := wire.send(request.with_header(name, value))).status == 404, f"{name}: {answer}"
    body = {"familyName": "x", "tenant": me["tenant"]["name"]}
    assert (answer := wire.send(call("create", "POST", "/v1/contacts", ours.token, body))).status == 400, answer


def test_the_event_stream_of_one_tenant_never_shows_the_others_events(
    wire: Wire, platform_url: str, ours: Tenant, theirs: Tenant
) -> None:
    with EventStream(platform_url, ours.token) as here, EventStream(platform_url, theirs.token) as there:
        made: dict[str, set[str]] = {ours.slug: set(), theirs.slug: set()}
        for number in range(10):
            for tenant in (ours, theirs):
                body = {"familyName": f"Stream {number}"}
                made[tenant.slug].add(
                    wire.send(call("create", "POST", "/v1/contacts", tenant.token, body)).json["name"]
                )
        for stream, tenant in ((here, ours), (there, theirs)):
            eventually(partial(_all_seen, stream, made[tenant.slug]), what="every own event")
        time.sleep(0.3)
        assert not made[theirs.slug] & {seen.event["subject"] for seen in here.seen}
        assert not made[ours.slug] & {seen.event["subject"] for seen in there.seen}
        assert len({seen.event["tenant"] for seen in here.seen}) == 1
        last = there.seen[-1].id
    # Going on after an event of theirs brings what happened here since, and nothing of theirs.
    with EventStream(platform_url, ours.token, last=last) as again:
        name = wire.send(call("create", "POST", "/v1/contacts", ours.token, {"familyName": "Later"})).json["name"]
        eventually(partial(_all_seen, again, {name}), what="the later event")
        assert not made[theirs.slug] & {seen.event["subject"] for seen in again.seen}


def _all_seen(stream: EventStream, names: set[str]) -> bool:
    return names <= {seen.event["subject"] for seen in stream.seen}


def _by_id(operation: Operation, tenant: Tenant, identifier: str) -> Call:
    body = json.dumps(right_body(operation, tenant, "by-id")).encode() if operation.body else None
    about = f"{operation}: {identifier}"
    return Call(about, operation.method, operation.target(identifier), body, token=tenant.token, expects=identifier)


def _told(answer: Answer) -> bytes:
    """What an answer says, but for the id that was asked for and the trace."""
    return _UNIQUE.sub(b"", answer.body.replace(str(answer.call.expects).encode(), b"ID"))


def _references(described: Described, operations: list[Operation], tenant: Tenant, other: Tenant) -> Iterator[Call]:
    for operation in operations:
        assert operation.body is not None
        target = operation.target(tenant.id(operation.collection) if operation.collection else "")
        right = right_body(operation, tenant, uuid.uuid4().hex[:12])
        for path in described.references(operation.body):
            for plural in _plurals(described, operation, path):
                body = placed(right, path, other.names[plural])
                about = f"{operation}: {spelled(path)} = their {plural}"
                yield Call(
                    about,
                    operation.method,
                    target,
                    json.dumps(body).encode(),
                    token=tenant.token,
                    expects=spelled(path),
                )


def _plurals(described: Described, operation: Operation, path: tuple[str | int, ...]) -> list[str]:
    """The kinds of record that a field may name."""
    schema = described.resolved(operation.body or {})
    for step in path:
        schema = described.resolved(schema["items"] if isinstance(step, int) else schema["properties"][step])
    kind = schema["x-reference"]
    if kind == "*":
        return ["accounts", "contacts", "users", "opportunities"]
    plural = kind[0].lower() + kind[1:]
    return [{"opportunity": "opportunities", "activity": "activities"}.get(plural, f"{plural}s")]


def _lists(described: Described, tenant: Tenant, other: Tenant) -> Iterator[Call]:
    for operation in described.operations:
        names = {parameter.name for parameter in operation.parameters}
        if not operation.name.startswith("List") or operation.collection or "pageSize" not in names:
            continue
        theirs = other.names[operation.tag]
        yield call(f"{operation}: all", "GET", operation.path, tenant.token, page_size=1000, show_deleted="true")
        named = f'name = "{theirs}" OR name = "{operation.tag}/{ABSENT}"'
        yield Call(
            f"{operation}: theirs by name",
            "GET",
            call("", "GET", operation.path, "", filter=named).target,
            token=tenant.token,
        )
        word = call(f"{operation}: their word", "GET", operation.path, tenant.token, q=SECRET_WORD)
        yield Call(word.about, "GET", word.target, token=tenant.token, expects="q")
