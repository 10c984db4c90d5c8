"""gRPC directly, past the gateway: the same protos, the same proofs, the same refusals, with their details."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_status import rpc_status
from kith.contact.v1 import contact_pb2, contact_service_pb2
from kith.identity.v1 import token_service_pb2
from kith.type.v1 import platform_service_pb2

from cli.local.platform import Platform
from services.chassis import protos
from tests.contract.tenants import ABSENT, Tenant
from tests.contract.wire import Wire, call

Code = grpc.StatusCode
Metadata = tuple[tuple[str, str], ...]
METHODS = [method for service in protos.services() for method in service.methods]
OWN = [method for method in METHODS if method.containing_service.name != "PlatformService"]
CLOSED = [method for method in OWN if protos.permission(method) != "public"]
NO_UTF8 = b"\x0a\x02\xff\xfe"
GARBAGE = (b"\xff" * 64, b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05ab", b"\x08", NO_UTF8)
"""No tags, a length without end, a cut text, a cut number, a text that is no UTF-8."""


@dataclass(frozen=True)
class Refused:
    """What a refusal says, its details unpacked."""

    code: Code
    message: str
    reason: str
    domain: str
    metadata: dict[str, str]
    fields: list[str]


@dataclass
class Services:
    """Connections to the apis of all services."""

    channels: dict[str, grpc.Channel]

    def raw(self, service: str, path: str, data: bytes, metadata: Metadata, timeout: float | None = 10) -> bytes:
        """Bytes in, bytes out."""
        invoke: Any = self.channels[service].unary_unary(path)
        answer: bytes = invoke(data, timeout=timeout, metadata=metadata)
        return answer

    def call(self, method: MethodDescriptor, request: Any, token: str = "", **options: Any) -> Any:
        """One call with a bearer token."""
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        data = request if isinstance(request, bytes) else request.SerializeToString()
        answer = self.raw(protos.process(method.containing_service), _path(method), data, metadata, **options)
        return GetMessageClass(method.output_type).FromString(answer)

    def refusal(self, method: MethodDescriptor, request: Any, token: str = "", **options: Any) -> Refused:
        """What is said to a call that must fail."""
        return refused(lambda: self.call(method, request, token, **options), str(method.full_name))


@pytest.fixture(scope="module")
def services(platform: Platform) -> Iterator[Services]:
    """Connections to the apis."""
    channels = {name: grpc.insecure_channel(address) for name, address in platform.addresses.grpc.items()}
    yield Services(channels)
    for channel in channels.values():
        channel.close()


@pytest.fixture(scope="module")
def token(services: Services, ours: Tenant) -> str:
    """An access token for our API key."""
    request = token_service_pb2.ExchangeApiKeyRequest(api_key=ours.token)
    return str(services.call(_method("ExchangeApiKey"), request).access_token)


@pytest.fixture(scope="module")
def poor(wire: Wire, ours: Tenant) -> str:
    """An API key that allows nothing."""
    body = {"displayName": "nothing", "permissions": ["nothing.read"]}
    return str(wire.send(call("key", "POST", "/v1/apiKeys", ours.token, body)).json["secret"])


def test_an_api_key_and_an_access_token_work_alike(services: Services, ours: Tenant, token: str) -> None:
    request = contact_service_pb2.GetContactRequest(name=ours.names["contacts"])
    by_key = services.call(_method("GetContact"), request, ours.token)
    by_token = services.call(_method("GetContact"), request, token)
    assert by_key == by_token
    assert by_key.name == ours.names["contacts"]


def test_what_is_created_over_grpc_is_seen_over_rest(services: Services, wire: Wire, ours: Tenant, token: str) -> None:
    contact = contact_pb2.Contact(given_name="Grace", family_name="Hopper", tags=["navy"])
    request = contact_service_pb2.CreateContactRequest(contact=contact, request_id=os.urandom(8).hex())
    made = services.call(_method("CreateContact"), request, token)
    again = services.call(_method("CreateContact"), request, token)
    assert made == again
    seen = wire.send(call("get", "GET", f"/v1/{made.name}", ours.token)).json
    assert (seen["givenName"], seen["familyName"], seen["tags"], seen["etag"]) == ("Grace", "Hopper", ["navy"], "1")


@pytest.mark.usefixtures("nothing_changes")
def test_no_method_answers_who_does_not_say_who_it_is(services: Services) -> None:
    for method in CLOSED:
        for proof in ("", "garbage", "kith_none_none", "x.y.z"):
            said = services.refusal(method, b"", proof)
            _is_refusal(said, Code.UNAUTHENTICATED, method)


@pytest.mark.usefixtures("nothing_changes")
def test_no_method_answers_who_lacks_its_permission(services: Services, poor: str) -> None:
    for method in CLOSED:
        if protos.permission(method) != "signedIn":
            said = services.refusal(method, b"", poor)
            _is_refusal(said, Code.PERMISSION_DENIED, method)
            assert protos.permission(method) in said.metadata.values(), f"{method.full_name}: {said}"


@pytest.mark.usefixtures("nothing_changes")
def test_no_method_takes_garbage(services: Services, token: str) -> None:
    for method in OWN:
        for data in GARBAGE:
            first = method.input_type.fields_by_number.get(1)
            if data == NO_UTF8 and (first is None or first.type != FieldDescriptor.TYPE_STRING):
                continue  # to protobuf this is then a field of another version
            said = services.refusal(method, data, token)
            expected = Code.PERMISSION_DENIED if protos.permission(method) == "operator" else Code.INVALID_ARGUMENT
            _is_refusal(said, expected, method)


@pytest.mark.usefixtures("nothing_changes")
def test_another_tenants_names_are_names_of_nothing(
    services: Services, ours: Tenant, theirs: Tenant, token: str
) -> None:
    tried = 0
    for method in OWN:
        plural = _plural_of(method)
        if plural is None or protos.permission(method) == "operator":
            continue
        tried += 1
        user = ours.names["users"]
        said = services.refusal(method, _named(method, theirs.names[plural], user), token)
        same = services.refusal(method, _named(method, f"{plural}/{ABSENT}", user), token)
        assert said.code == same.code == Code.NOT_FOUND, f"{method.full_name}: {said}"
        assert said.message.replace(theirs.names[plural], "") == same.message.replace(f"{plural}/{ABSENT}", "")
        _is_refusal(said, Code.NOT_FOUND, method)
    assert tried > 80


@pytest.mark.usefixtures("nothing_changes")
def test_a_wrong_field_is_named_in_the_details(services: Services, theirs: Tenant, token: str) -> None:
    create = _method("CreateContact")
    for fields, path in (
        ({"given_name": "x" * 201}, "contact.given_name"),
        ({"given_name": "a\0b"}, "contact.given_name"),
        ({"email_addresses": [{"value": "a@b.c"}, {"value": "none"}]}, "contact.email_addresses[1].value"),
        ({"account": "contacts/x"}, "contact.account"),
        ({"account": theirs.names["accounts"]}, "contact.account"),
        ({"tags": ["x"] * 51}, "contact.tags"),
        ({"account": "é" * 200}, "contact.account"),
    ):
        contact = contact_pb2.Contact(**fields)
        said = services.refusal(create, contact_service_pb2.CreateContactRequest(contact=contact), token)
        _is_refusal(said, Code.INVALID_ARGUMENT, create)
        assert path in said.fields, f"{fields}: {said}"


@pytest.mark.usefixtures("nothing_changes")
def test_an_error_with_endless_texts_still_arrives(services: Services, token: str) -> None:
    names = ["contacts/" + "é" * 190] * 1_000
    request = contact_service_pb2.BatchGetContactsRequest(names=names)
    _is_refusal(services.refusal(_method("BatchGetContacts"), request, token), Code.NOT_FOUND, _method("GetContact"))
    wrong = [contact_service_pb2.CreateContactRequest(contact={"given_name": "é" * 300})] * 1_000
    batch = contact_service_pb2.BatchCreateContactsRequest(requests=wrong)
    said = services.refusal(_method("BatchCreateContacts"), batch, token)
    _is_refusal(said, Code.INVALID_ARGUMENT, _method("BatchCreateContacts"))
    assert said.fields[0] == "requests[0].contact.given_name"
    name = "accounts/" + "\U0001f600" * 47
    update = contact_service_pb2.UpdateContactRequest(contact={"name": name}, update_mask={"paths": ["x" * 9_000]})
    _is_refusal(
        services.refusal(_method("UpdateContact"), update, token), Code.INVALID_ARGUMENT, _method("UpdateContact")
    )


@pytest.mark.usefixtures("nothing_changes")
def test_metadata_cannot_choose_the_tenant(services: Services, theirs: Tenant, token: str) -> None:
    data = contact_service_pb2.GetContactRequest(name=theirs.names["contacts"]).SerializeToString()
    for name in ("tenant", "x-tenant", "kith-tenant", "kith-client-address", "authorization"):
        metadata = (("authorization", f"Bearer {token}"), (name, theirs.slug))
        said = refused(lambda m=metadata: services.raw("contact", _path(_method("GetContact")), data, m), name)
        assert said.code in (Code.NOT_FOUND, Code.UNAUTHENTICATED), f"{name}: {said}"


def test_a_call_without_a_deadline_is_answered_and_one_with_none_left_is_not(services: Services, token: str) -> None:
    request = contact_service_pb2.ListContactsRequest(page_size=1)
    assert services.call(_method("ListContacts"), request, token, timeout=None).contacts
    assert services.refusal(_method("ListContacts"), request, token, timeout=1e-6).code == Code.DEADLINE_EXCEEDED


@pytest.mark.usefixtures("nothing_changes")
def test_services_offer_what_their_protos_say_and_nothing_else(services: Services, token: str) -> None:
    proof = (("authorization", f"Bearer {token}"),)
    for service in services.channels:
        for path in (
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            f"/kith.{service}.v1.NothingService/Nothing",
            "/kith.contact.v1.ContactService/Nothing",
            "/",
            "/x",
        ):
            said = refused(lambda s=service, p=path: services.raw(s, p, b"", proof), path)
            assert said.code == Code.UNIMPLEMENTED, f"{service} {path}: {said}"
        alive = services.raw(service, "/grpc.health.v1.Health/Check", b"", ())
        assert health_pb2.HealthCheckResponse.FromString(alive).status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.usefixtures("nothing_changes")
def test_what_is_too_large_is_refused_and_what_is_no_http2_is_dropped(
    platform: Platform, services: Services, token: str
) -> None:
    huge = contact_pb2.Contact(description="x" * 17_000_000)
    request = contact_service_pb2.CreateContactRequest(contact=huge)
    assert services.refusal(_method("CreateContact"), request, token).code == Code.RESOURCE_EXHAUSTED
    for address in platform.addresses.grpc.values():
        host, _, port = address.rpartition(":")
        for noise in (
            os.urandom(4_096),
            b"GET / HTTP/1.1\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(512),
        ):
            with socket.create_connection((host, int(port)), timeout=5) as connection:
                connection.sendall(noise)
    for service in services.channels:
        services.raw(service, "/grpc.health.v1.Health/Check", b"", ())


@pytest.mark.usefixtures("nothing_changes")
def test_the_platforms_own_methods_keep_tenants_apart_too(
    services: Services, ours: Tenant, theirs: Tenant, token: str
) -> None:
    check, events = _method("CheckReferences"), _method("ListEvents")
    for service in services.channels:
        proof = (("authorization", f"Bearer {token}"),)
        names = [*ours.names.values(), *theirs.names.values(), "", "x", "contacts/", "contacts/$ne", "nothings/1"]
        request = platform_service_pb2.CheckReferencesRequest(names=names)
        answer = services.raw(service, _path(check), request.SerializeToString(), proof)
        missing = set(platform_service_pb2.CheckReferencesResponse.FromString(answer).missing)
        assert set(theirs.names.values()) <= missing, service
        listed = platform_service_pb2.ListEventsRequest(page_size=1000).SerializeToString()
        found = platform_service_pb2.ListEventsResponse.FromString(services.raw(service, _path(events), listed, proof))
        assert not [event for event in found.events if any(name in event for name in theirs.names.values())], service


def refused(action: Any, about: str) -> Refused:
    """What is said to an action that must fail."""
    try:
        action()
    except grpc.RpcError as error:
        return _unpacked(error)
    raise AssertionError(f"{about} was not refused")


def _unpacked(error: Any) -> Refused:
    said = Refused(error.code(), str(error.details()), "", "", {}, [])
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            said = Refused(said.code, said.message, info.reason, info.domain, dict(info.metadata), said.fields)
        elif detail.Unpack(bad):
            said.fields.extend(violation.field for violation in bad.field_violations)
    return said


def _is_refusal(said: Refused, code: Code, method: MethodDescriptor) -> None:
    assert said.code == code, f"{method.full_name}: {said}"
    assert said.domain == "kith.dev", f"{method.full_name}: {said}"
    assert said.reason.isupper(), f"{method.full_name}: {said}"
    trace_id = said.metadata.get("trace_id", "")
    assert len(trace_id) == 32, f"{method.full_name}: no trace id in {said}"
    assert int(trace_id, 16), f"{method.full_name}: no trace id in {said}"


def _method(name: str) -> MethodDescriptor:
    return next(method for method in METHODS if method.name == name)


def _path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def _plural_of(method: MethodDescriptor) -> str | None:
    """The kind of record that a method is about, if its request names one."""
    record = method.containing_service.name.removesuffix("Service")
    if "name" in method.input_type.fields_by_name or method.name == f"Update{record}":
        resources = (protos.resource(one) for one in protos.records() if one.name == record)
        return next((str(resource.plural) for resource in resources if resource is not None), None)
    return None


def _named(method: MethodDescriptor, name: str, user: str) -> Any:
    """A request about a record of that name, with what it needs besides."""
    request: Any = GetMessageClass(method.input_type)()
    fields = method.input_type.fields_by_name
    if "name" in fields:
        request.name = name
    else:
        getattr(request, method.input_type.fields[0].name).name = name
    for field, text in {**_NEEDED, "owner": user, "assignee": user}.items():
        if field in fields:
            setattr(request, field, text)
    return request


_NEEDED = {"body": "x", "resolution": "x", "loss_reason": "x", "password": "a very long password"}
