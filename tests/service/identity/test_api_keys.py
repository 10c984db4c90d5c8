"""API keys: shown once, exchanged for tokens, narrower than their users, gone at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from kith.identity.v1.api_key_pb2 import ApiKey
from kith.identity.v1.api_key_service_pb2 import CreateApiKeyRequest
from kith.identity.v1.role_pb2 import Role
from kith.identity.v1.user_pb2 import USER_STATE_DEACTIVATED, User

from services.chassis.errors import Unauthenticated
from services.chassis.identity import RemoteIdentity
from tests.service.identity.conftest import Tenancy
from tests.service.identity.test_signing_in import refused


def test_a_key_is_shown_once_and_known_by_its_beginning_afterwards(tenancy: Tenancy) -> None:
    created = tenancy.admin.CreateApiKey(api_key=ApiKey(display_name="ERP", secret="kith_chosen"))
    assert created.secret.startswith(created.prefix)
    again = tenancy.admin.GetApiKey(name=created.name)
    assert (again.secret, again.prefix, again.user) == ("", created.prefix, tenancy.made.user)
    listed = tenancy.admin.ListApiKeys(filter='display_name = "ERP"').api_keys
    assert [(key.name, key.secret) for key in listed] == [(created.name, "")]


def test_a_repeated_creation_makes_no_second_key_and_tells_no_secret(tenancy: Tenancy) -> None:
    first = tenancy.admin.CreateApiKey(api_key=ApiKey(display_name="ERP"), request_id="once")
    again = tenancy.admin.CreateApiKey(api_key=ApiKey(display_name="ERP"), request_id="once")
    assert (again.name, again.secret) == (first.name, "")


def test_keys_are_created_in_batches_each_with_a_secret_of_its_own(tenancy: Tenancy) -> None:
    wanted = [CreateApiKeyRequest(api_key=ApiKey(display_name=f"key {number}")) for number in range(3)]
    created = tenancy.admin.BatchCreateApiKeys(requests=wanted).api_keys
    assert len({key.secret for key in created}) == 3
    for key in created:
        assert tenancy.anonymous.with_proof(key.secret).GetMe().user.name == tenancy.made.user


def test_an_exchanged_token_says_what_the_key_may_do(tenancy: Tenancy) -> None:
    key = tenancy.admin.CreateApiKey(api_key=ApiKey(display_name="Form", permissions=["leads.create"]))
    answer = tenancy.anonymous.ExchangeApiKey(api_key=key.secret)
    assert (answer.tenant, answer.subject) == (tenancy.tenant, tenancy.made.user)
    assert list(answer.permissions) == ["leads.create"]
    assert 290 <= answer.expire_time.seconds - time.time() <= 301


def test_a_key_never_does_more_than_its_user_may_now(tenancy: Tenancy) -> None:
    role = tenancy.role("contacts.*", "leads.read")
    user = tenancy.admin.CreateUser(user=User(display_name="U", email="u@example.org", roles=[role.name]))
    wanted = ApiKey(display_name="k", user=user.name, permissions=["*.read", "contacts.delete"])
    key = tenancy.admin.CreateApiKey(api_key=wanted)

    def permissions() -> list[str]:
        return list(tenancy.anonymous.ExchangeApiKey(api_key=key.secret).permissions)

    assert permissions() == ["contacts.delete", "contacts.read", "leads.read"]
    tenancy.admin.UpdateRole(role=Role(name=role.name, permissions=["leads.*"]))
    assert permissions() == ["leads.read"]
    tenancy.admin.DeleteRole(name=role.name)
    assert permissions() == []


def test_a_deleted_key_is_refused_at_once_and_stays_so(tenancy: Tenancy) -> None:
    key = tenancy.admin.CreateApiKey(api_key=ApiKey(display_name="k"))
    tenancy.anonymous.ExchangeApiKey(api_key=key.secret)
    tenancy.admin.DeleteApiKey(name=key.name)
    assert refused(tenancy.anonymous.ExchangeApiKey, api_key=key.secret).reason == "API_KEY_INVALID"
    assert refused(tenancy.admin.UndeleteApiKey, name=key.name).reason == "API_KEY_REVOKED"
    assert tenancy.running.store.database["api_key_secrets"].count_documents({"_id": key.name[8:]}) == 0


def test_keys_of_deactivated_and_deleted_users_are_refused_at_once(tenancy: Tenancy) -> None:
    ends: list[Callable[[str], object]] = [
        lambda name: tenancy.admin.UpdateUser(user=User(name=name, state=USER_STATE_DEACTIVATED)),
        lambda name: tenancy.admin.DeleteUser(name=name),
    ]
    for end in ends:
        user, _ = tenancy.user("contacts.read")
        key = tenancy.admin.CreateApiKey(
            api_key=ApiKey(display_name="k", user=user.name, permissions=["contacts.read"])
        )
        tenancy.anonymous.ExchangeApiKey(api_key=key.secret)
        end(user.name)
        assert refused(tenancy.anonymous.ExchangeApiKey, api_key=key.secret).reason == "API_KEY_INVALID"


def test_a_key_ends_in_time_and_so_do_its_tokens(tenancy: Tenancy) -> None:
    soon = Timestamp(seconds=int(time.time()) + 2)
    key = tenancy.admin.CreateApiKey(api_key=ApiKey(display_name="k", expire_time=soon))
    assert tenancy.anonymous.ExchangeApiKey(api_key=key.secret).expire_time == soon
    time.sleep(2.1)
    assert refused(tenancy.anonymous.ExchangeApiKey, api_key=key.secret).reason == "API_KEY_INVALID"
    past = refused(tenancy.admin.CreateApiKey, api_key=ApiKey(display_name="k", expire_time=soon))
    assert past.code is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("change", [lambda key: key[:-1] + "2", lambda key: key.upper(), lambda key: key + "a"])
def test_a_key_with_another_letter_is_refused(tenancy: Tenancy, change: Any) -> None:
    wrong = change(tenancy.made.api_key)
    if wrong != tenancy.made.api_key:
        assert refused(tenancy.anonymous.ExchangeApiKey, api_key=wrong).reason == "API_KEY_INVALID"


def test_the_use_of_a_key_is_noted_without_changing_its_etag(tenancy: Tenancy) -> None:
    key = tenancy.admin.CreateApiKey(api_key=ApiKey(display_name="k"))
    tenancy.anonymous.ExchangeApiKey(api_key=key.secret)
    noted = tenancy.admin.GetApiKey(name=key.name)
    assert noted.HasField("use_time")
    assert noted.etag == key.etag


def test_another_process_checks_tokens_by_itself_and_exchanges_keys_here(tenancy: Tenancy) -> None:
    remote = RemoteIdentity(tenancy.running.address)
    try:
        verifier = remote.verifier()
        token = tenancy.anonymous.ExchangeApiKey(api_key=tenancy.made.api_key).access_token
        assert verifier.verify(f"Bearer {token}").tenant == tenancy.tenant
        caller = verifier.verify(f"Bearer {tenancy.made.api_key}")
        assert (caller.subject, caller.may("contacts.read")) == (tenancy.made.user, True)
        assert verifier.known(f"Bearer {tenancy.made.api_key}") == caller
        with pytest.raises(Unauthenticated):
            verifier.verify(f"Bearer {tenancy.made.api_key[:-4]}aaaa")
    finally:
        remote.close()


def test_published_keys_are_a_jwk_set(tenancy: Tenancy) -> None:
    keys = tenancy.anonymous.ListSigningKeys().keys
    assert [(key.kty, key.crv, key.alg, key.use) for key in keys] == [("OKP", "Ed25519", "Ed25519", "sig")]
    assert all(len(key.x) == 43 and key.kid for key in keys)
