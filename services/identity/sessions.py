"""Sessions: one document per signed-in browser, which knows the hash of the only refresh token that works.

    {_id: uuid7, tenant, user: "users/…", digest, used: [digests of earlier tokens], create_time, expire_time}

A refresh token works once. One that worked before shows that two parties hold it: the session ends for both.
"""

from __future__ import annotations

import datetime
import logging
from dataclasses import dataclass

from pymongo import ASCENDING, IndexModel
from pymongo.client_session import ClientSession
from pymongo.database import Database

from services.chassis.errors import Unauthenticated
from services.chassis.resources.bson_codec import Document
from services.chassis.resources.changes import new_id
from services.identity.rules import proofs

COLLECTION = "sessions"
INDEXES = [
    IndexModel([("tenant", ASCENDING), ("user", ASCENDING)], name="user"),
    IndexModel([("expire_time", ASCENDING)], name="expire", expireAfterSeconds=0),
]
IDLE_DAYS = 14
"""A session that is not refreshed for so long ends."""
LONGEST_DAYS = 90
"""After so long one signs in again."""

_REMEMBERED_TOKENS = 500
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that was just begun or refreshed."""

    tenant: str
    user: str
    refresh_token: str
    expire_time: datetime.datetime


class Sessions:
    """The sessions of all users."""

    def __init__(self, database: Database[Document]) -> None:
        self._collection = database[COLLECTION]

    def begin(self, tenant: str, user: str, session: ClientSession) -> OpenSession:
        """A new session of a user, in a transaction."""
        identifier, now = new_id(), _now()
        refresh_token = proofs.new(proofs.REFRESH_TOKEN, identifier)
        expires = now + datetime.timedelta(days=IDLE_DAYS)
        self._collection.insert_one(
            {
                "_id": identifier,
                "tenant": tenant,
                "user": user,
                "digest": proofs.digest(refresh_token),
                "used": [],
                "create_time": now,
                "expire_time": expires,
            },
            session=session,
        )
        return OpenSession(tenant, user, refresh_token, expires)

    def refresh(self, refresh_token: str) -> OpenSession:
        """The next tokens of a session, in one atomic step: of two that bring the same token one succeeds.

        Raises:
            Unauthenticated: the token is not valid; if it once was, its session has ended.
        """
        proof = proofs.parse(proofs.REFRESH_TOKEN, refresh_token)
        if proof is None:
            raise refused()
        successor, now = proofs.new(proofs.REFRESH_TOKEN, proof.identifier), _now()
        session = self._collection.find_one_and_update(
            {"_id": proof.identifier, "digest": proof.digest, "expire_time": {"$gt": now}},
            [{"$set": _next(proofs.digest(successor), proof.digest, now)}],
            return_document=True,
        )
        if session is None:
            self._end_if_reused(proof)
            raise refused()
        return OpenSession(session["tenant"], session["user"], successor, session["expire_time"])

    def end(self, refresh_token: str) -> None:
        """Ends the session that a refresh token belongs or belonged to, if there is one."""
        proof = proofs.parse(proofs.REFRESH_TOKEN, refresh_token)
        if proof is not None:
            self._collection.delete_one(
                {"_id": proof.identifier, "$or": [{"digest": proof.digest}, {"used": proof.digest}]}
            )

    def end_all(self, tenant: str, user: str, session: ClientSession | None = None) -> None:
        """Ends all sessions of a user, in a transaction if one is given."""
        self._collection.delete_many({"tenant": tenant, "user": user}, session=session)

    def _end_if_reused(self, proof: proofs.Proof) -> None:
        ended = self._collection.delete_one({"_id": proof.identifier, "used": proof.digest})
        if ended.deleted_count:
            _log.warning("a refresh token came twice: its session has ended")


def refused() -> Unauthenticated:
    """The one answer to every refresh token that does not work."""
    return Unauthenticated("the refresh token is not valid: sign in again", reason="SESSION_ENDED")


def _next(digest: str, used: str, now: datetime.datetime) -> Document:
    idle = now + datetime.timedelta(days=IDLE_DAYS)
    longest = {"$dateAdd": {"startDate": "$create_time", "unit": "day", "amount": LONGEST_DAYS}}
    return {
        "digest": digest,
        "used": {"$slice": [{"$concatArrays": ["$used", [used]]}, -_REMEMBERED_TOKENS]},
        "expire_time": {"$min": [idle, longest]},
    }


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
