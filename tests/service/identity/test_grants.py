"""Nobody grants more than they hold, nobody reaches another tenant, and nothing is answered without its permission."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass
from kith.identity.v1.api_key_pb2 import ApiKey
from kith.identity.v1.role_pb2 import Role
from kith.identity.v1.tenant_pb2 import TENANT_STATE_SUSPENDED, Tenant
from kith.identity.v1.user_pb2 import USER_STATE_DEACTIVATED, User

from services.chassis import protos
from tests.service.identity.client import METHODS, Client, RefusedError
from tests.service.identity.conftest import PASSWORD, Tenancy
from tests.service.identity.test_signing_in import refused

DENIED = grpc.StatusCode.PERMISSION_DENIED
MANAGER = ("users.*", "roles.*", "apiKeys.*", "contacts.*")

ESCALATIONS: dict[str, Callable[[Client, Tenancy, User], object]] = {
    "a role with everything": lambda me, _, __: me.CreateRole(role=Role(key="r", display_name="r", permissions=["*"])),
    "a role with a wider verb": lambda me, _, __: me.CreateRole(
        role=Role(key="r", display_name="r", permissions=["*.read"])
    ),
    "a user with the admin role": lambda me, tenancy, _: me.CreateUser(
        user=User(display_name="x", email="x@example.org", roles=[_admin_role(tenancy)])
    ),
    "the admin role for oneself": lambda me, tenancy, myself: me.UpdateUser(
        user=User(name=myself.name, roles=[*myself.roles, _admin_role(tenancy)])
    ),
    "more in one's own role": lambda me, _, myself: me.UpdateRole(
        role=Role(name=myself.roles[0], permissions=[*MANAGER, "leads.*"])
    ),
    "a key for an administrator": lambda me, tenancy, _: me.CreateApiKey(
        api_key=ApiKey(display_name="k", user=tenancy.made.user, permissions=["*"])
    ),
    "an administrator's password": lambda me, tenancy, _: me.SetPassword(
        name=tenancy.made.user, password="one long secret"
    ),
    "an administrator's address": lambda me, tenancy, _: me.UpdateUser(
        user=User(name=tenancy.made.user, email="mine@example.org")
    ),
    "an administrator out": lambda me, tenancy, _: me.UpdateUser(
        user=User(name=tenancy.made.user, state=USER_STATE_DEACTIVATED)
    ),
}


@pytest.mark.parametrize("escalation", ESCALATIONS)
def test_nobody_grants_more_than_they_hold(tenancy: Tenancy, escalation: str) -> None:
    myself, me = tenancy.user(*MANAGER)
    with pytest.raises(RefusedError) as found:
        ESCALATIONS[escalation](me, tenancy, myself)
    assert (found.value.code, found.value.reason) == (DENIED, "EXCEEDS_OWN_PERMISSIONS")
    assert tenancy.admin.GetUser(name=tenancy.made.user).etag == "2"
    assert list(tenancy.admin.GetRole(name=myself.roles[0]).permissions) == list(MANAGER)
    tenancy.sign_in()


def test_what_one_holds_can_be_granted(tenancy: Tenancy) -> None:
    _, me = tenancy.user(*MANAGER)
    role = me.CreateRole(role=Role(key="c", display_name="c", permissions=["contacts.read", "contacts.*"]))
    user = me.CreateUser(user=User(display_name="x", email="X@Example.org", roles=[role.name, role.name]))
    assert (user.email, list(user.roles)) == ("x@example.org", [role.name])
    me.SetPassword(name=user.name, password=PASSWORD)
    tenancy.sign_in(user.email)


def test_a_narrow_key_cannot_make_a_wide_one(tenancy: Tenancy) -> None:
    narrow = tenancy.admin.CreateApiKey(api_key=ApiKey(display_name="n", permissions=["apiKeys.*"]))
    me = tenancy.anonymous.with_proof(narrow.secret)
    assert refused(me.CreateApiKey, api_key=ApiKey(display_name="w")).reason == "EXCEEDS_OWN_PERMISSIONS"
    wider = ApiKey(name=narrow.name, permissions=["apiKeys.*", "users.*"])
    assert refused(me.UpdateApiKey, api_key=wider).code is grpc.StatusCode.INVALID_ARGUMENT
    narrower = tenancy.admin.UpdateApiKey(api_key=ApiKey(name=narrow.name, permissions=["apiKeys.read"]))
    assert list(narrower.permissions) == ["apiKeys.read"]


def test_a_deleted_role_comes_back_only_for_who_holds_what_it_allows(tenancy: Tenancy) -> None:
    role = tenancy.role("leads.*")
    tenancy.admin.DeleteRole(name=role.name)
    _, me = tenancy.user(*MANAGER)
    assert refused(me.UndeleteRole, name=role.name).reason == "EXCEEDS_OWN_PERMISSIONS"
    assert tenancy.admin.GetRole(name=role.name).HasField("delete_time")
    tenancy.admin.UndeleteRole(name=role.name)


def test_roles_and_users_with_wrong_fields_are_refused_with_the_field(tenancy: Tenancy) -> None:
    wrong_role = refused(tenancy.admin.CreateRole, role=Role(key="r", display_name="r", permissions=["*", "operator"]))
    assert "role.permissions[1]" in wrong_role.text
    unknown = User(display_name="x", email="x@example.org", roles=["roles/none"])
    assert "roles" in refused(tenancy.admin.CreateUser, user=unknown).text
    taken = refused(tenancy.admin.CreateUser, user=User(display_name="x", email=tenancy.made.email.upper()))
    assert taken.code is grpc.StatusCode.ALREADY_EXISTS


def test_only_the_operator_makes_deletes_and_suspends_tenants(tenancy: Tenancy) -> None:
    wanted = Tenant(display_name="Mine", slug="mine")
    assert refused(tenancy.admin.CreateTenant, tenant=wanted).code is DENIED
    assert refused(tenancy.admin.DeleteTenant, name=tenancy.made.tenant_name).code is DENIED
    renamed = tenancy.admin.UpdateTenant(
        tenant=Tenant(name=tenancy.made.tenant_name, display_name="New name", state=TENANT_STATE_SUSPENDED)
    )
    assert (renamed.display_name, renamed.state) == ("New name", 1)


def test_one_sees_no_tenant_but_ones_own(make_tenancy: Callable[[], Tenancy]) -> None:
    ours, theirs = make_tenancy(), make_tenancy()
    assert [tenant.name for tenant in ours.admin.ListTenants().tenants] == [ours.made.tenant_name]
    assert refused(ours.admin.GetTenant, name=theirs.made.tenant_name).code is grpc.StatusCode.NOT_FOUND


def test_no_name_of_another_tenant_works_anywhere_and_nothing_of_it_changes(
    make_tenancy: Callable[[], Tenancy],
) -> None:
    ours, theirs = make_tenancy(), make_tenancy()
    user, role = theirs.made.user, theirs.role("contacts.read").name
    key = theirs.admin.ListApiKeys().api_keys[0].name
    before = _everything_of(theirs)
    admin = ours.admin
    attempts: list[Callable[[], object]] = [
        partial(getattr(admin, method.format(kind)), **arguments)
        for kind, name in (("User", user), ("Role", role), ("ApiKey", key))
        for method, arguments in (
            ("Get{}", {"name": name}),
            ("BatchGet{}s", {"names": [name]}),
            ("Delete{}", {"name": name}),
            ("Undelete{}", {"name": name}),
            ("List{}Changes", {"name": name}),
        )
    ]
    attempts += [
        partial(admin.UpdateUser, user=User(name=user, display_name="x")),
        partial(admin.UpdateRole, role=Role(name=role, display_name="x")),
        partial(admin.UpdateApiKey, api_key=ApiKey(name=key, display_name="x")),
        partial(admin.SetPassword, name=user, password="one long secret"),
    ]
    for attempt in attempts:
        assert refused(attempt).code is grpc.StatusCode.NOT_FOUND
    foreign = User(display_name="x", email="x@example.org", roles=[role])
    assert refused(ours.admin.CreateUser, user=foreign).code is grpc.StatusCode.INVALID_ARGUMENT
    borrowed = ApiKey(display_name="x", user=user, permissions=["contacts.read"])
    assert refused(ours.admin.CreateApiKey, api_key=borrowed).code is grpc.StatusCode.INVALID_ARGUMENT
    assert _everything_of(theirs) == before


def test_every_method_that_is_not_public_refuses_strangers_and_who_lacks_its_permission(tenancy: Tenancy) -> None:
    _, nobody = tenancy.user()
    for method in METHODS.values():
        permission = protos.permission(method)
        request = GetMessageClass(method.input_type)()
        if permission != "public":
            with pytest.raises(RefusedError) as stranger:
                tenancy.anonymous.call(method, request)
            assert stranger.value.code is grpc.StatusCode.UNAUTHENTICATED, method.full_name
        if permission not in ("public", "signedIn"):
            with pytest.raises(RefusedError) as denied:
                nobody.call(method, request)
            assert denied.value.code is DENIED, method.full_name


def test_what_is_public_is_known_by_name() -> None:
    public = {name for name, method in METHODS.items() if protos.permission(method) == "public"}
    assert public == {"SignIn", "RefreshSession", "SignOut", "ExchangeApiKey", "ListSigningKeys"}


def _admin_role(tenancy: Tenancy) -> str:
    found: Any = tenancy.admin.ListRoles(filter='key = "admin"')
    return str(found.roles[0].name)


def _everything_of(tenancy: Tenancy) -> dict[str, list[Any]]:
    database = tenancy.running.store.database
    return {
        name: list(database[name].find({"tenant": tenancy.tenant}, sort=[("_id", 1)]))
        for name in database.list_collection_names()
    }
