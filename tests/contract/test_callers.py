"""Who may call what: no token, a bad token, every permission but the one that is needed, and nothing but that one."""

from __future__ import annotations

import base64
import itertools
import json
import string
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from cli.local.platform import Platform
from gateway.documents import documents
from gateway.routes import rules
from services.chassis import protos, tokens
from services.identity import signing
from services.identity.signing import Keyring
from tests.contract.described import Described, Operation, right_body
from tests.contract.tenants import ABSENT, Tenant
from tests.contract.wire import Answer, Call, Wire, call, refusals, told

UNGRANTED = {"public", "signedIn", "operator"}
OPEN_PAGES = {"/", "/docs", "/docs/docs.css", "/docs/docs.js", "/docs/icon.svg", "/openapi.json", "/asyncapi.json"}
PUBLIC = {"SignIn", "RefreshSession", "SignOut", "ExchangeApiKey", "ListSigningKeys"}
"""Whoever makes another method public has to say so here."""
SIGNED_IN = {"GetMe", "ChangePassword"}
OPERATORS = {"CreateTenant", "DeleteTenant", "UndeleteTenant", "BatchCreateTenants"}


@pytest.fixture(scope="module")
def without(wire: Wire, described: Described, ours: Tenant) -> dict[str, str]:
    """An API key for each permission that holds all of the others."""
    granted = _granted(described)
    return _keys(wire, ours, {one: [other for other in granted if other != one] for one in granted})


@pytest.fixture(scope="module")
def only(wire: Wire, described: Described, ours: Tenant) -> dict[str, str]:
    """An API key for each permission that holds nothing else."""
    return _keys(wire, ours, {one: [one] for one in _granted(described)})


def test_the_description_is_the_route_table(wire: Wire, described: Described) -> None:
    served = {(rule.http_method, rule.label): rule.method.name for rule in rules(protos.services())}
    shown = {(operation.method, operation.path): operation for operation in described.operations}
    assert served.keys() == shown.keys()
    paths = described.document["paths"]
    answers = wire.send_all(call(path, "OPTIONS", path.replace("{", "").replace("}", ""), "") for path in paths)
    for answer in answers:
        methods = {method.upper() for method in paths[answer.call.about]}
        allowed = set(answer.headers["allow"].split(", ")) - {"OPTIONS"}
        assert allowed - {"HEAD"} == methods, answer
        assert ("HEAD" in allowed) == ("GET" in methods), answer


def test_nothing_is_open_but_what_is_meant_to_be(described: Described) -> None:
    by_permission: dict[str, set[str]] = {permission: set() for permission in UNGRANTED}
    for operation in described.operations:
        by_permission.setdefault(operation.permission, set()).add(operation.name)
    assert by_permission["public"] == PUBLIC
    assert by_permission["signedIn"] == SIGNED_IN
    assert by_permission["operator"] == OPERATORS
    assert set(documents(dict, dict)) == OPEN_PAGES


@pytest.mark.usefixtures("nothing_changes")
def test_nobody_gets_in_without_a_token(wire: Wire, described: Described, ours: Tenant) -> None:
    calls = [replace(_right(operation, ours), token="") for operation in _closed(described)]
    calls.append(Call("the stream", "GET", "/v1/events:stream"))
    answers = wire.send_all(calls)
    assert not (wrong := _unless(answers, 401, "TOKEN_MISSING")), told(wrong)


@pytest.mark.usefixtures("nothing_changes")
def test_nobody_gets_in_with_a_bad_token(
    platform: Platform, tmp_path: Path, wire: Wire, described: Described, ours: Tenant
) -> None:
    bad = _bad_tokens(wire, ours, Path(platform.home) / "keys", tmp_path)
    everywhere = ("garbage", "expired", "unsigned", "foreign key")
    calls = [
        replace(_right(operation, ours), token=bad[kind], about=f"{operation}: {kind}")
        for operation in _closed(described)
        for kind in everywhere
    ]
    calls += [call(kind, "GET", "/v1/contacts", token) for kind, token in bad.items()]
    calls += [call(f"stream: {kind}", "GET", "/v1/events:stream", token) for kind, token in bad.items()]
    plain = Call("scheme", "GET", "/v1/contacts")
    for value in (ours.token, f"Basic {ours.token}", "Bearer", "Bearer  ", f"Bearer {ours.token} x", "Bearer é", "é"):
        encoded = value.encode("utf-8").decode("latin-1")
        calls.append(replace(plain, about=f"header {value:.12}", headers={"Authorization": encoded}))
    answers = wire.send_all(calls)
    assert not (wrong := _unless(answers, 401)), told(wrong)


@pytest.mark.usefixtures("nothing_changes")
def test_every_operation_is_refused_to_who_holds_every_other_permission(
    wire: Wire, described: Described, ours: Tenant, without: dict[str, str]
) -> None:
    guarded = [operation for operation in _closed(described) if operation.permission not in UNGRANTED]
    assert len(guarded) > 130
    answers = wire.send_all(
        replace(_right(operation, ours), token=without[operation.permission]) for operation in guarded
    )
    wrong = _unless(answers, 403, "PERMISSION_DENIED")
    for operation, answer in zip(guarded, answers, strict=True):
        if operation.permission not in (answer.json or {}).get("metadata", {}).values():
            wrong.append(f"does not say that {operation.permission} is needed: {answer}")
    assert not wrong, told(wrong)


@pytest.mark.usefixtures("nothing_changes")
def test_what_only_the_operator_may_do_is_refused_to_an_administrator(
    wire: Wire, described: Described, ours: Tenant
) -> None:
    answers = wire.send_all(
        _right(operation, ours) for operation in described.operations if operation.permission == "operator"
    )
    assert len(answers) == len(OPERATORS)
    assert not (wrong := _unless(answers, 403)), told(wrong)


@pytest.mark.usefixtures("nothing_changes")
def test_the_one_permission_that_an_operation_names_is_all_that_it_needs(
    wire: Wire, described: Described, ours: Tenant, only: dict[str, str]
) -> None:
    guarded = [operation for operation in _closed(described) if operation.permission not in UNGRANTED]
    calls = [
        # Of a record that is not there, or with a body that is none: who gets so far got in.
        Call(str(operation), operation.method, operation.target(ABSENT), b"[]" if operation.body else None)
        for operation in guarded
    ]
    answers = wire.send_all(
        replace(one, token=only[operation.permission]) for one, operation in zip(calls, guarded, strict=True)
    )
    wrong = [str(answer) for answer in answers if answer.status not in (200, 400, 404)]
    assert not wrong, told(wrong)


@pytest.mark.usefixtures("nothing_changes")
def test_no_other_spelling_of_a_path_or_method_leads_around_the_check(wire: Wire, ours: Tenant) -> None:
    contact = f"/v1/{ours.names['contacts']}"
    paths = (
        *(
            "/v1/contacts/",
            "/V1/contacts",
            "/v1/Contacts",
            "//v1/contacts",
            "/v1//contacts",
            "/v2/contacts",
            "/contacts",
        ),
        *(
            "/v1/contacts;x=1",
            "/v1/./contacts",
            "/v1/accounts/../contacts",
            "/v1/%63ontacts%2f",
            "/v1/contacts:",
            "/v1/contacts%00",
        ),
        *(f"{contact}/", f"{contact}/changes/", f"{contact}:Undelete", f"{contact}:delete", f"{contact}/.."),
    )
    methods = ("GET", "POST", "DELETE")
    answers = wire.send_all(Call(path, method, path, b"{}", token="") for path in paths for method in methods)
    wrong = [str(answer) for answer in answers if answer.status not in (400, 401, 404, 405)]
    answers = wire.send_all(Call(path, method, path, b"{}", token=ours.token) for path in paths for method in methods)
    wrong += [str(answer) for answer in answers if answer.status not in (400, 404, 405)]
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        overridden = wire.send(Call(name, "GET", contact, token=ours.token).with_header(name, "DELETE"))
        if overridden.status != 200:
            wrong.append(str(overridden))
    odd = [Call(method, method, contact, token=ours.token) for method in ("PUT", "TRACE", "CONNECT", "get", "X" * 50)]
    wrong += [str(answer) for answer in wire.send_all(odd) if answer.status not in (400, 405)]
    assert not wrong, told(wrong)


@pytest.mark.usefixtures("nothing_changes")
def test_a_session_cookie_works_only_for_pages_of_this_origin(wire: Wire, ours: Tenant) -> None:
    delete = Call("cookie", "DELETE", f"/v1/contacts/{ABSENT}").with_header("Cookie", f"kith_session={ours.token}")
    for site in ("cross-site", "same-site", "none"):
        assert (answer := wire.send(delete.with_header("Sec-Fetch-Site", site))).status == 403, f"{site}: {answer}"
    assert (answer := wire.send(delete)).status == 403, answer
    assert (answer := wire.send(delete.with_header("Origin", "https://evil.example"))).status == 403, answer
    assert (answer := wire.send(delete.with_header("Sec-Fetch-Site", "same-origin"))).status == 404, answer


def test_what_is_signed_in_is_a_person_with_the_roles_permissions(wire: Wire, ours: Tenant) -> None:
    body = {"tenant": ours.slug, "email": ours.email, "password": ours.password}
    session = wire.send(call("sign in", "POST", "/v1/sessions:signIn", "", body))
    assert session.status == 200, session
    me = wire.send(call("me", "GET", "/v1/users:me", session.json["accessToken"]))
    assert (me.status, me.json["user"]["email"], me.json["permissions"]) == (200, ours.email, ["*"])
    out = {"refreshToken": session.json["refreshToken"]}
    assert (answer := wire.send(call("out", "POST", "/v1/sessions:signOut", "", out))).status == 200, answer
    assert (answer := wire.send(call("again", "POST", "/v1/sessions:refresh", "", out))).status == 401, answer


def test_a_caller_with_very_many_permissions_gets_in(wire: Wire, ours: Tenant) -> None:
    letters = string.ascii_lowercase
    verbs = (f"{first}{second}{third}" for first in letters for second in letters for third in letters)
    many = ["contacts.read", *(f"accountsAndMore.{verb}" for verb in itertools.islice(verbs, 499))]
    key = _keys(wire, ours, {"many": many})["many"]
    for path in ("/v1/contacts", "/v1/users:me"):
        answer = wire.send(call("many permissions", "GET", path, key))
        assert answer.status == 200, answer


def _closed(described: Described) -> list[Operation]:
    return [operation for operation in described.operations if operation.permission != "public"]


def _granted(described: Described) -> list[str]:
    return sorted({operation.permission for operation in described.operations} - UNGRANTED)


def _right(operation: Operation, tenant: Tenant) -> Call:
    """A request that would succeed, or at least have an effect, if it were let in."""
    identifier = tenant.id(operation.collection) if operation.collection else ""
    body = json.dumps(right_body(operation, tenant, "caller")).encode() if operation.body else None
    names = f"?names={tenant.names[operation.tag]}" if operation.path.endswith(":batchGet") else ""
    return Call(str(operation), operation.method, operation.target(identifier) + names, body, token=tenant.token)


def _keys(wire: Wire, tenant: Tenant, wanted: dict[str, list[str]]) -> dict[str, str]:
    requests = [{"apiKey": {"displayName": name, "permissions": held}} for name, held in wanted.items()]
    made = wire.send(call("keys", "POST", "/v1/apiKeys:batchCreate", tenant.token, {"requests": requests}))
    assert made.status == 200, made
    return {key["displayName"]: key["secret"] for key in made.json["apiKeys"]}


def _unless(answers: list[Answer], status: int, reason: str = "") -> list[str]:
    """The answers that are no refusal with this status (and reason)."""
    wrong = refusals(answers)
    wrong += [f"not {status}: {answer}" for answer in answers if answer.status != status]
    wrong += [f"not {reason}: {answer}" for answer in answers if reason and (answer.json or {}).get("reason") != reason]
    if status == 401:
        wrong += [f"no challenge: {answer}" for answer in answers if "www-authenticate" not in answer.headers]
    return wrong


def _bad_tokens(wire: Wire, tenant: Tenant, keys: Path, spare: Path) -> dict[str, str]:
    me = wire.send(call("me", "GET", "/v1/users:me", tenant.token)).json
    now = int(time.time())
    right: dict[str, Any] = {
        "iss": tokens.ISSUER,
        "aud": tokens.AUDIENCE,
        "sub": me["user"]["name"],
        "tenant": me["tenant"]["name"].partition("/")[2],
        "permissions": ["*"],
        "iat": now - 60,
        "nbf": now - 60,
        "exp": now + 240,
    }
    pem = next(keys.glob("*.pem"))
    key, kid = (
        OKPKey.import_key(pem.read_bytes()),
        wire.send(call("", "GET", "/v1/signingKeys", "")).json["keys"][0]["kid"],
    )

    def signed(**changes: Any) -> str:
        header = {"alg": tokens.ALGORITHM, "kid": kid}
        return jwt.encode(header, {**right, **changes}, key, algorithms=[tokens.ALGORITHM])

    assert wire.send(call("a right one", "GET", "/v1/contacts", signed())).status == 200
    signing.generate(spare)
    claims = tokens.Claims(right["tenant"], right["sub"], ("*",), (), now + 240.0)
    foreign = Keyring(spare).sign(claims, now)
    header, payload, signature = signed().split(".")
    public = OctKey.import_key(json.dumps(key.as_dict(private=False)).encode())
    return {
        "garbage": "garbage",
        "a garbled key": tenant.token[:-1] + ("b" if tenant.token[-1] == "a" else "a"),
        "a key's beginning": tenant.token.rpartition("_")[0],
        "expired": signed(exp=now - 60, nbf=now - 360),
        "not yet": signed(nbf=now + 600, exp=now + 900),
        "unsigned": f"{_part({'alg': 'none', 'kid': kid})}.{payload}.",
        "unsigned, in capitals": f"{_part({'alg': 'NONE', 'kid': kid})}.{payload}.",
        "no signature": f"{header}.{payload}.",
        "another signature": f"{header}.{payload}.{signature[:-8]}AAAAAAAA",
        "another payload": f"{header}.{_part({**right, 'sub': 'users/x'})}.{signature}",
        "foreign key": foreign,
        "a foreign key under our id": f"{header}.{'.'.join(foreign.split('.')[1:])}",
        "signed with the public key": jwt.encode({"alg": "HS256", "kid": kid}, right, public, algorithms=["HS256"]),
        "another issuer": signed(iss="elsewhere"),
        "another audience": signed(aud="elsewhere"),
        "no tenant": signed(tenant=""),
        "a list as tenant": signed(tenant=[right["tenant"]]),
        "no subject": signed(sub=""),
        "no end": signed(exp=None),
        "very long": "x" * 30_000,
        **_odd_headers(payload, signature, kid),
    }


def _odd_headers(payload: str, signature: str, kid: str) -> dict[str, str]:
    alg = tokens.ALGORITHM
    headers: Iterator[tuple[str, Any]] = iter(
        (
            ("a key in the header", {"alg": alg, "kid": kid, "jwk": {"kty": "OKP"}}),
            ("a key's address", {"alg": alg, "kid": kid, "jku": "http://127.0.0.1:1/"}),
            ("a path as key id", {"alg": alg, "kid": "../../../dev/null"}),
            ("a list as header", [alg]),
            ("no key id", {"alg": alg}),
        )
    )
    return {name: f"{_part(header)}.{payload}.{signature}" for name, header in headers}


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
