"""What the operator does on the machine itself: makes a tenant with its first user, and suspends or resumes one.

It goes through the store like everything else, so the other services hear of it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kith.identity.v1.api_key_pb2 import ApiKey
from kith.identity.v1.role_pb2 import Role
from kith.identity.v1.tenant_pb2 import Tenant, TenantState
from kith.identity.v1.user_pb2 import User

from services.chassis.errors import AlreadyExists, InvalidArgument, NotFound
from services.chassis.resources.changes import Author, new_id
from services.chassis.resources.store import Store
from services.chassis.resources.transaction import Transaction
from services.identity.api import NewApiKey, create_api_keys
from services.identity.passwords import Hasher
from services.identity.records import API_KEY_SECRETS, PLATFORM, SLUGS
from services.identity.rules import proofs
from services.identity.rules.roles import STANDARD
from services.identity.user_passwords import UserPasswords

API_KEY_NAME = "Bootstrap"
ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tenant that shall be there, with an administrator who can sign in."""

    slug: str
    display_name: str
    email: str
    password: str
    api_key_file: Path | None = None
    once: bool = False
    """Leave a tenant that is there as its people have made it since, and make no API key."""


@dataclass(frozen=True, slots=True)
class Made:
    """What is there now. `tenant` is the slug; `api_key` is empty when it was made before and is in no file."""

    tenant: str
    tenant_name: str
    email: str
    user: str
    api_key: str


def bootstrap(store: Store, wanted: Wanted) -> Made:
    """Makes what is missing of a tenant: its record, the standard roles, the administrator, the password, an API key.

    Run again it changes nothing but a password that differs, and with `once` nothing but a password that was never set.

    Raises:
        InvalidArgument: slug, address or password will not do.
    """
    tenant = _tenant_id(store, wanted.slug)
    if tenant and wanted.once:
        return _finish(store, tenant, wanted)
    tenant = tenant or new_id()
    author = Author(tenant, PLATFORM)
    try:
        user = store.write(author, lambda tx: _records(tx, wanted))
    except AlreadyExists:
        # Somebody else bootstraps the same tenant and was faster.
        tenant = _tenant_id(store, wanted.slug)
        if not tenant:
            raise
        author = Author(tenant, PLATFORM)
        user = store.write(author, lambda tx: _records(tx, wanted))
    passwords = UserPasswords(store, Hasher())
    if not passwords.matches(tenant, user.name, wanted.password):
        passwords.set(author, user.name, wanted.password)
    api_key = "" if wanted.once else _api_key(store, author, user, wanted)
    return Made(wanted.slug, f"tenants/{tenant}", user.email, user.name, api_key)


def set_state(store: Store, slug: str, state: TenantState) -> Tenant:
    """Suspends a tenant or lets it work again. Tokens that are out end within five minutes.

    Raises:
        NotFound: there is no such tenant.
    """
    tenant = _tenant_id(store, slug)
    if not tenant:
        raise NotFound(f"there is no tenant {slug}")

    def change(record: Tenant) -> None:
        record.state = state

    return store.write(Author(tenant, PLATFORM), lambda tx: tx.update(Tenant, f"tenants/{tenant}", change))


def _finish(store: Store, tenant: str, wanted: Wanted) -> Made:
    """Sets the password if a run was cut off before it; all else came with the tenant, or is its people's."""
    author = Author(tenant, PLATFORM)
    email = wanted.email.strip().lower()
    found = store.transact(author, lambda tx: tx.find(User, {"email": email}))
    user = found[0].name if found else ""
    passwords = UserPasswords(store, Hasher())
    if user and not passwords.exists(tenant, user):
        passwords.set(author, user, wanted.password)
    return Made(wanted.slug, f"tenants/{tenant}", email, user, "")


def _tenant_id(store: Store, slug: str) -> str:
    found = store.database[SLUGS].find_one({"_id": slug})
    return str(found["tenant"]) if found else ""


def _records(tx: Transaction, wanted: Wanted) -> User:
    if not tx.find(Tenant, {"_id": tx.tenant}):
        tx.create(Tenant(display_name=wanted.display_name, slug=wanted.slug), identifier=tx.tenant)
    admin = _roles(tx)[ADMIN]
    users = tx.find(User, {"email": wanted.email.strip().lower()})
    if users:
        return users[0]
    return tx.create(User(display_name="Administrator", email=wanted.email, roles=[admin]))


def _roles(tx: Transaction) -> dict[str, str]:
    """The names of the standard roles by their keys; those that a tenant changed or deleted stay as they are."""
    known = {role.key: role.name for role in tx.find(Role, {"key": {"$in": [role.key for role in STANDARD]}})}
    missing = [
        Role(
            key=role.key,
            display_name=role.display_name,
            description=role.description,
            permissions=role.permissions,
        )
        for role in STANDARD
        if role.key not in known
    ]
    created = tx.create_all(missing) if missing else []
    return {**known, **{role.key: role.name for role in created}}


def _api_key(store: Store, author: Author, user: User, wanted: Wanted) -> str:
    kept = _kept(wanted.api_key_file)
    if kept and _is_known(store, author.tenant, kept):
        return kept
    if wanted.api_key_file is None and store.transact(author, lambda tx: bool(_existing(tx, user))):
        return ""
    new = NewApiKey(ApiKey(display_name=API_KEY_NAME, user=user.name))
    store.write(author, lambda tx: create_api_keys(tx, [new])[0])
    if wanted.api_key_file is not None:
        _write(wanted.api_key_file, new.secret)
    return new.secret


def _existing(tx: Transaction, user: User) -> list[ApiKey]:
    return tx.find(ApiKey, {"user": user.name, "display_name": API_KEY_NAME}, limit=1)


def _kept(file: Path | None) -> str:
    return file.read_text().strip() if file is not None and file.exists() else ""


def _is_known(store: Store, tenant: str, api_key: str) -> bool:
    proof = proofs.parse(proofs.API_KEY, api_key)
    if proof is None:
        return False
    query = {"_id": proof.identifier, "tenant": tenant, "digest": proof.digest}
    return store.database[API_KEY_SECRETS].find_one(query) is not None


def _write(file: Path, secret: str) -> None:
    """Only the owner can read the file, from its first moment on."""
    partial = file.with_name(file.name + ".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(secret + "\n")
    partial.replace(file)


def read_password(file: Path) -> str:
    """The password in a file, without the line's end.

    Raises:
        InvalidArgument: there is none.
    """
    try:
        password = file.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"--password-file: {file} cannot be read") from error
    if not password:
        raise InvalidArgument(f"--password-file: {file} is empty")
    return password
