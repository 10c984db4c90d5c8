"""Bodies that no program should send: never an error of ours, never slow, and nothing changes."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from functools import cache

import pytest

from tests.contract.described import Described, Operation, right_body, singular
from tests.contract.tenants import Tenant
from tests.contract.wire import Call, Wire, call, refusals, told

pytestmark = pytest.mark.usefixtures("nothing_changes")

_DEEP = 100_000
_MEGABYTE = 1024 * 1024
SMALL = {
    "half an object": b"{",
    "a list": b"[]",
    "a list of objects": b"[{}]",
    "a text": b'"x"',
    "a number": b"1",
    "true": b"true",
    "words": b"Hello",
    "XML": b"<x/>",
    "a form": b"a=1&b=2",
    "two objects": b"{}{}",
    "NUL": b"\x00",
    "NUL in a key": b'{"a\\u0000b":1}',
    "invalid UTF-8": b'{"x":"\xff\xfe"}',
    "cut UTF-8": b'{"x":"\xe2\x82"}',
    "an encoded surrogate": b'{"x":"\xed\xa0\x80"}',
    "half a surrogate pair": b'{"x":"\\ud800"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16"),
    "not a number": b'{"x":NaN}',
    "a huge number": b'{"x":1e999}',
    "a comment": b"{/* x */}",
    "single quotes": b"{'x':1}",
    "a deep list": b"[" * _DEEP,
    "a closed deep list": b"[" * _DEEP + b"]" * _DEEP,
    "a deep object": b'{"x":' * _DEEP,
    "a rather deep object": b'{"x":' * 40 + b"1" + b"}" * 40,
    "an operator": b'{"$where":"sleep(10000)"}',
    "a dotted key": b'{"a.b":1}',
    "a prototype": b'{"__proto__":{"admin":true}}',
    "random bytes": bytes(range(256)),
    "marks in a text without end": b'{"x":"' + b'\\"' * 32_000,
    "marks in a key without end": b'{"' + b'\\"' * 32_000 + b"\\",
}


def test_no_operation_takes_a_broken_body(wire: Wire, described: Described, ours: Tenant) -> None:
    with_body = [operation for operation in described.operations if operation.body]
    answers = wire.send_all(
        Call(f"{operation}: {about}", operation.method, _target(operation, ours), body, token=ours.token)
        for operation in with_body
        for about, body in [*SMALL.items(), *_own(operation, described, ours)]
    )
    assert not (wrong := refusals(answers)), told(wrong)
    assert {answer.status for answer in answers} <= {400, 403}


def test_no_operation_takes_another_content_type_or_a_packed_body(
    wire: Wire, described: Described, ours: Tenant
) -> None:
    calls = []
    for operation in described.operations:
        if operation.body and operation.permission != "operator":
            body = json.dumps(right_body(operation, ours, "kind")).encode()
            right = Call(str(operation), operation.method, _target(operation, ours), body, token=ours.token)
            calls += [right.with_header("Content-Type", kind) for kind in ("text/plain", "application/x-protobuf", "x")]
            calls += [right.with_header("Content-Encoding", packing) for packing in ("gzip", "br", "x")]
    answers = wire.send_all(calls)
    assert not (wrong := refusals(answers)), told(wrong)
    assert {answer.status for answer in answers} == {415}


def test_no_operation_reads_a_body_that_is_declared_too_large(wire: Wire, described: Described, ours: Tenant) -> None:
    for operation in described.operations:
        if not operation.body or operation.permission == "operator":
            continue
        began = time.monotonic()
        answer = _raw(wire, operation, ours, f"Content-Length: {64 * _MEGABYTE}\r\n", [b"{"])
        assert answer.startswith(b"HTTP/1.1 413 "), f"{operation}: {answer[:300]!r}"
        assert time.monotonic() - began < 5, operation


@pytest.mark.parametrize("name", ["BatchCreateLeads", "SignIn"])
def test_huge_bodies_are_refused_quickly(name: str, wire: Wire, described: Described, ours: Tenant) -> None:
    operation = described.operation(name)
    answers = [
        wire.send(Call(f"{operation}: {about}", operation.method, _target(operation, ours), body, token=ours.token))
        for about, body in _huge().items()
    ]
    assert not (wrong := refusals(answers)), told(wrong)


@pytest.mark.parametrize("name", ["CreateContact", "BatchCreateLeads", "UpdateAccount", "SignIn"])
def test_a_body_without_end_is_cut_off(name: str, wire: Wire, described: Described, ours: Tenant) -> None:
    chunk = b"100000\r\n" + b" " * _MEGABYTE + b"\r\n"
    answer = _raw(wire, described.operation(name), ours, "Transfer-Encoding: chunked\r\n", [chunk] * 64)
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:300]


def test_a_batch_in_which_everything_is_wrong_is_refused_with_the_first_of_them(
    wire: Wire, described: Described, ours: Tenant
) -> None:
    calls = []
    for operation in described.operations:
        if operation.path.endswith(":batchCreate") and operation.permission != "operator":
            assert operation.body is not None
            requests = [{singular(operation): {"etag": "é" * 65}}] * 1_000
            calls.append(call(f"{operation}: a thousand", "POST", operation.path, ours.token, {"requests": requests}))
            requests = [{singular(operation): {}}] * 1_001
            calls.append(call(f"{operation}: too many", "POST", operation.path, ours.token, {"requests": requests}))
    answers = wire.send_all(calls)
    assert not (wrong := refusals(answers)), told(wrong)
    unnamed = [answer for answer in answers if not any(field.startswith("requests") for field in answer.fields)]
    assert not unnamed, unnamed[0]


def test_a_body_where_none_belongs_does_no_harm(wire: Wire, described: Described, ours: Tenant) -> None:
    reading = [operation for operation in described.operations if operation.method == "GET"]
    answers = wire.send_all(
        Call(
            f"{operation}: {about}",
            "GET",
            f"{_target(operation, ours)}{_names(operation, ours)}",
            body,
            token=ours.token,
        )
        for operation in reading
        for about, body in (("a text", b"Hello"), ("a deep list", b"[" * _DEEP), ("an object", b'{"x":1}'))
    )
    wrong = [str(answer) for answer in answers if not 200 <= answer.status < 500]
    assert not wrong, told(wrong)


@cache
def _huge() -> dict[str, bytes]:
    about_eight = 8 * _MEGABYTE - 100
    return {
        "a million keys": b"{" + b",".join(b'"k%d":0' % n for n in range(1_000_000)) + b"}",
        "half a million keys": b"{" + b",".join(b'"k%d":0' % n for n in range(500_000)) + b"}",
        "eight megabytes of text": b'{"description":"' + b"x" * about_eight + b'"}',
        "eight megabytes of brackets": b"[" * about_eight,
        "eight megabytes of pairs of brackets": b"[" + b"[]," * (about_eight // 3) + b"[]]",
        "eight megabytes of quotes": b'"' * about_eight,
        "eight megabytes of marks in a text": b'{"description":"' + b'\\"' * (about_eight // 2),
        "a long number": b"1" * about_eight,
        "a long key": b'{"' + b"x" * about_eight + b'":1}',
        "a million equal keys": b"{" + b'"a":1,' * 1_000_000 + b'"a":1}',
        "more than eight megabytes": b'{"description":"' + b"x" * 12 * _MEGABYTE + b'"}',
    }


def _own(operation: Operation, described: Described, tenant: Tenant) -> Iterator[tuple[str, bytes]]:
    """What is broken only for this operation: no body where one is needed, a field of it twice."""
    assert operation.body is not None
    if operation.body_required:
        yield from (("nothing", b""), ("white space", b"  \n"), ("null", b"null"))
    fields = described.resolved(operation.body)["properties"]
    name = next((name for name, schema in fields.items() if not schema.get("readOnly")), "")
    if name:
        value = json.dumps(right_body(operation, tenant, "twice").get(name))
        yield f"{name} twice", f'{{"{name}":{value},"{name}":{value}}}'.encode()


def _target(operation: Operation, tenant: Tenant) -> str:
    return operation.target(tenant.id(operation.collection) if operation.collection else "")


def _names(operation: Operation, tenant: Tenant) -> str:
    return f"?names={tenant.names[operation.tag]}" if operation.path.endswith(":batchGet") else ""


def _raw(wire: Wire, operation: Operation, tenant: Tenant, header: str, parts: list[bytes]) -> bytes:
    """Sends what no client library sends, as long as the gateway takes it; returns the beginning of the answer."""
    head = f"{operation.method} {_target(operation, tenant)} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection((wire.host, wire.port), timeout=10) as connection:
        connection.sendall(f"{head}Authorization: Bearer {tenant.token}\r\n{header}\r\n".encode())
        for part in parts:
            try:
                connection.sendall(part)
            except OSError:
                break  # the gateway has heard enough
        return connection.recv(4_096)
