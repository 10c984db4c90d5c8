"""Signing in and out: what works, what is refused, and that a refusal tells nothing."""

from __future__ import annotations

import hashlib
import re
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from kith.identity.v1.tenant_pb2 import TENANT_STATE_ACTIVE, TENANT_STATE_SUSPENDED
from kith.identity.v1.user_pb2 import USER_STATE_ACTIVE, USER_STATE_DEACTIVATED, User

from services.identity.bootstrap import set_state
from tests.service.identity.client import RefusedError
from tests.service.identity.conftest import PASSWORD, Tenancy

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED


def refused(call: Any, **fields: Any) -> RefusedError:
    with pytest.raises(RefusedError) as found:
        call(**fields)
    return found.value


def test_who_knows_the_password_gets_tokens_that_work(tenancy: Tenancy) -> None:
    session: Any = tenancy.sign_in(email=tenancy.made.email.upper())
    me = tenancy.anonymous.with_proof(session.access_token).GetMe()
    assert me.user.name == session.user.name == tenancy.made.user
    assert me.tenant.slug == tenancy.made.tenant
    assert list(me.permissions) == ["*"]
    assert session.user.HasField("sign_in_time")
    assert 290 <= session.expire_time.seconds - time.time() <= 301


def test_every_way_to_be_wrong_is_answered_in_the_same_words(tenancy: Tenancy) -> None:
    deactivated, _ = tenancy.user()
    tenancy.admin.SetPassword(name=deactivated.name, password=PASSWORD)
    tenancy.admin.UpdateUser(user=User(name=deactivated.name, state=USER_STATE_DEACTIVATED))
    no_password, _ = tenancy.user()
    slug, email = tenancy.made.tenant, tenancy.made.email
    answers = {
        str(refused(tenancy.anonymous.SignIn, tenant=tenant, email=address, password=password))
        for tenant, address, password in (
            (slug, email, "wrong"),
            (slug, "nobody@example.org", PASSWORD),
            ("no-such-tenant", email, PASSWORD),
            (slug, deactivated.email, PASSWORD),
            (slug, no_password.email, PASSWORD),
        )
    }
    assert answers == {"UNAUTHENTICATED SIGN_IN_REFUSED: tenant, e-mail address or password is wrong"}


def test_a_refusal_takes_as_long_for_unknown_users_as_for_known_ones(tenancy: Tenancy) -> None:
    def seconds(email: str) -> float:
        began = time.perf_counter()
        refused(tenancy.anonymous.SignIn, tenant=tenancy.made.tenant, email=email, password="wrong")
        return time.perf_counter() - began

    known = [seconds(tenancy.made.email) for _ in range(5)]
    unknown = [seconds(f"nobody{number}@example.org") for number in range(5)]
    ratio = statistics.median(unknown) / statistics.median(known)
    assert 0.5 < ratio < 2, "without a hash for unknown users the ratio would be about 0.05"


def test_failures_make_one_wait_also_for_users_that_do_not_exist(tenancy: Tenancy) -> None:
    for email in (tenancy.made.email, "nobody@example.org"):
        codes = [
            refused(tenancy.anonymous.SignIn, tenant=tenancy.made.tenant, email=email, password="wrong").code
            for _ in range(12)
        ]
        assert codes[:6] == [UNAUTHENTICATED] * 6
        assert grpc.StatusCode.RESOURCE_EXHAUSTED in codes[6:]


def test_many_attempts_at_once_get_no_more_tries_than_one_after_the_other(tenancy: Tenancy) -> None:
    def attempt(_: int) -> grpc.StatusCode:
        return refused(
            tenancy.anonymous.SignIn, tenant=tenancy.made.tenant, email=tenancy.made.email, password="wrong"
        ).code

    with ThreadPoolExecutor(12) as threads:
        codes = list(threads.map(attempt, range(24)))
    assert codes.count(UNAUTHENTICATED) <= 8, "six at once, then one a second"


def test_after_many_failures_not_even_the_right_password_is_tried(tenancy: Tenancy) -> None:
    key = hashlib.sha256(f"{tenancy.made.tenant} {tenancy.made.email}".encode()).hexdigest()
    wrong = {"tenant": tenancy.made.tenant, "email": tenancy.made.email, "password": "wrong"}
    refused(tenancy.anonymous.SignIn, **wrong)
    attempts = tenancy.running.store.database["attempts"]
    attempts.update_one({"_id": f"user:{key}"}, {"$set": {"count": 20}})
    refused(tenancy.anonymous.SignIn, **wrong)
    answer = refused(tenancy.sign_in)
    assert answer.reason == "TOO_MANY_ATTEMPTS"
    assert re.search(r"try again in (8\d\d|900) seconds", answer.text)
    attempts.delete_one({"_id": f"user:{key}"})
    tenancy.sign_in()


def test_one_address_cannot_try_many_users_but_others_still_can(tenancy: Tenancy) -> None:
    client = tenancy.anonymous.from_address(f"192.0.2.1 of {tenancy.tenant}")
    refused(client.SignIn, tenant=tenancy.made.tenant, email="first@example.org", password="wrong")
    key = f"address:{hashlib.sha256(client.address[:100].encode()).hexdigest()}"
    tenancy.running.store.database["attempts"].update_one({"_id": key}, {"$set": {"count": 104}})
    refused(client.SignIn, tenant=tenancy.made.tenant, email="second@example.org", password="wrong")
    answer = refused(client.SignIn, tenant=tenancy.made.tenant, email="third@example.org", password="wrong")
    assert answer.reason == "TOO_MANY_ATTEMPTS"
    tenancy.sign_in()


def test_a_session_goes_on_with_its_newest_refresh_token(tenancy: Tenancy) -> None:
    first: Any = tenancy.sign_in()
    second = tenancy.anonymous.RefreshSession(refresh_token=first.refresh_token)
    third = tenancy.anonymous.RefreshSession(refresh_token=second.refresh_token)
    assert tenancy.anonymous.with_proof(third.access_token).GetMe().user.name == tenancy.made.user


def test_a_refresh_token_that_comes_twice_ends_its_session_for_both(tenancy: Tenancy) -> None:
    first: Any = tenancy.sign_in()
    other: Any = tenancy.sign_in()
    second = tenancy.anonymous.RefreshSession(refresh_token=first.refresh_token)
    assert refused(tenancy.anonymous.RefreshSession, refresh_token=first.refresh_token).reason == "SESSION_ENDED"
    assert refused(tenancy.anonymous.RefreshSession, refresh_token=second.refresh_token).reason == "SESSION_ENDED"
    tenancy.anonymous.RefreshSession(refresh_token=other.refresh_token)


def test_of_many_that_bring_the_same_refresh_token_at_once_at_most_one_succeeds(tenancy: Tenancy) -> None:
    session: Any = tenancy.sign_in()

    def attempt(_: int) -> bool:
        try:
            tenancy.anonymous.RefreshSession(refresh_token=session.refresh_token)
        except RefusedError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(8))) <= 1


def test_a_guessed_refresh_token_does_not_end_the_session(tenancy: Tenancy) -> None:
    session: Any = tenancy.sign_in()
    head, _, secret = session.refresh_token.rpartition("_")
    refused(tenancy.anonymous.RefreshSession, refresh_token=f"{head}_{secret[::-1]}")
    refused(tenancy.anonymous.RefreshSession, refresh_token="garbage")
    tenancy.anonymous.RefreshSession(refresh_token=session.refresh_token)


def test_after_signing_out_the_session_is_over(tenancy: Tenancy) -> None:
    session: Any = tenancy.sign_in()
    tenancy.anonymous.SignOut(refresh_token=session.refresh_token)
    tenancy.anonymous.SignOut(refresh_token=session.refresh_token)
    assert refused(tenancy.anonymous.RefreshSession, refresh_token=session.refresh_token).reason == "SESSION_ENDED"


def test_a_new_password_ends_all_sessions_and_the_old_one_stops_working(tenancy: Tenancy) -> None:
    session: Any = tenancy.sign_in()
    caller = tenancy.anonymous.with_proof(session.access_token)
    wrong = refused(caller.ChangePassword, current_password="not it", new_password="another long secret")
    assert wrong.reason == "PASSWORD_WRONG"
    weak = refused(caller.ChangePassword, current_password=PASSWORD, new_password="password1234")
    assert weak.reason == "PASSWORD_TOO_WEAK"
    caller.ChangePassword(current_password=PASSWORD, new_password="another long secret")
    assert refused(tenancy.anonymous.RefreshSession, refresh_token=session.refresh_token).reason == "SESSION_ENDED"
    assert refused(tenancy.sign_in).reason == "SIGN_IN_REFUSED"
    tenancy.sign_in(password="another long secret")


def test_a_deactivated_user_cannot_go_on_and_an_active_one_can_again(tenancy: Tenancy) -> None:
    user, _ = tenancy.user("contacts.read")
    tenancy.admin.SetPassword(name=user.name, password=PASSWORD)
    session: Any = tenancy.sign_in(user.email)
    tenancy.admin.UpdateUser(user=User(name=user.name, state=USER_STATE_DEACTIVATED))
    assert refused(tenancy.anonymous.RefreshSession, refresh_token=session.refresh_token).reason == "SESSION_ENDED"
    assert refused(tenancy.sign_in, email=user.email).reason == "SIGN_IN_REFUSED"
    tenancy.admin.UpdateUser(user=User(name=user.name, state=USER_STATE_ACTIVE))
    tenancy.sign_in(user.email)


def test_a_deleted_user_cannot_go_on_and_an_undeleted_one_signs_in_again(tenancy: Tenancy) -> None:
    user, _ = tenancy.user("contacts.read")
    tenancy.admin.SetPassword(name=user.name, password=PASSWORD)
    session: Any = tenancy.sign_in(user.email)
    tenancy.admin.DeleteUser(name=user.name)
    assert refused(tenancy.sign_in, email=user.email).reason == "SIGN_IN_REFUSED"
    tenancy.admin.UndeleteUser(name=user.name)
    assert refused(tenancy.anonymous.RefreshSession, refresh_token=session.refresh_token).reason == "SESSION_ENDED"
    tenancy.sign_in(user.email)


def test_nobody_of_a_suspended_tenant_signs_in_or_uses_a_key(tenancy: Tenancy) -> None:
    session: Any = tenancy.sign_in()
    store = tenancy.running.store
    set_state(store, tenancy.made.tenant, TENANT_STATE_SUSPENDED)
    assert refused(tenancy.sign_in).reason == "SIGN_IN_REFUSED"
    assert refused(tenancy.anonymous.RefreshSession, refresh_token=session.refresh_token).reason == "SESSION_ENDED"
    assert refused(tenancy.anonymous.ExchangeApiKey, api_key=tenancy.made.api_key).reason == "API_KEY_INVALID"
    set_state(store, tenancy.made.tenant, TENANT_STATE_ACTIVE)
    tenancy.sign_in()


def test_sign_ins_and_passwords_are_in_the_history_but_no_secret_is(tenancy: Tenancy) -> None:
    session: Any = tenancy.sign_in()
    changes = tenancy.admin.ListUserChanges(name=tenancy.made.user).changes
    assert [change.verb for change in changes] == ["signed_in", "password_set", "created"]
    everything = str(list(tenancy.running.store.database["changes"].find({"tenant": tenancy.tenant})))
    for secret in (PASSWORD, "argon2", session.refresh_token, session.access_token, tenancy.made.api_key):
        assert secret not in everything
