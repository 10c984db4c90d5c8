"""The password of a user: set by somebody else, changed by the user, compared. It needs no key that signs tokens."""

from __future__ import annotations

from kith.identity.v1.user_pb2 import User

from services.chassis.errors import FailedPrecondition, InvalidArgument
from services.chassis.resources.bson_codec import to_timestamp
from services.chassis.resources.changes import Author
from services.chassis.resources.store import Store
from services.chassis.resources.transaction import Transaction
from services.identity.attempts import Attempts
from services.identity.passwords import Credentials, Hasher
from services.identity.records import require_no_excess, role_permissions
from services.identity.rules.passwords import fault
from services.identity.sessions import Sessions


class UserPasswords:
    """Passwords over the store. Safe to share between threads."""

    def __init__(self, store: Store, hasher: Hasher) -> None:
        self._store = store
        self._hasher = hasher
        self._attempts = Attempts(store.database)
        self._credentials = Credentials(store.database)
        self._sessions = Sessions(store.database)

    def set(self, author: Author, name: str, password: str) -> User:
        """Sets the password of a user who may do no more than the author, and ends the user's sessions.

        Raises:
            InvalidArgument: the password will not do.
            PermissionDenied: the user may do more than the author.
            NotFound: there is no such user.
        """
        user = self._store.get(User, author.tenant, name)
        _require_good(password, user.email, "password")
        hashed = self._hasher.hash(password)

        def work(tx: Transaction) -> User:
            if name != author.subject:
                require_no_excess(tx, role_permissions(tx, tx.get(User, name).roles), "this user may do")
            return self._replace(tx, name, hashed)

        return self._store.write(author, work)

    def change(self, author: Author, current: str, new: str) -> User:
        """Changes the author's own password for who knows the present one.

        Raises:
            FailedPrecondition: the present password is wrong.
            InvalidArgument: the new one will not do.
            ResourceExhausted: too many attempts.
        """
        user = self._store.get(User, author.tenant, author.subject)
        self._attempts.admit_user(author.tenant, author.subject)
        if not self.matches(author.tenant, author.subject, current):
            raise FailedPrecondition("the present password is wrong", reason="PASSWORD_WRONG")
        self._attempts.succeeded(author.tenant, author.subject, "")
        _require_good(new, user.email, "new_password")
        hashed = self._hasher.hash(new)
        return self._store.write(author, lambda tx: self._replace(tx, author.subject, hashed))

    def matches(self, tenant: str, name: str, password: str) -> bool:
        """Whether this is a user's password; it takes as long for a user who has none."""
        return self._hasher.matches(self._credentials.find(tenant, name.partition("/")[2]), password)

    def exists(self, tenant: str, name: str) -> bool:
        """Whether a user has a password."""
        return self._credentials.find(tenant, name.partition("/")[2]) is not None

    def _replace(self, tx: Transaction, name: str, hashed: str) -> User:
        def note(user: User) -> None:
            user.password_time.CopyFrom(to_timestamp(tx.now))

        self._credentials.put(tx.tenant, name.partition("/")[2], hashed, tx.session)
        self._sessions.end_all(tx.tenant, name, tx.session)
        return tx.update(User, name, note, verb="password_set")


def _require_good(password: str, email: str, field: str) -> None:
    wrong = fault(password, email)
    if wrong:
        raise InvalidArgument.of(field, wrong, reason="PASSWORD_TOO_WEAK")
