"""Answers a repeated request as the first one was answered (AIP-155; the rules are Stripe's).

The request id is kept in the first Change that the request made, for seven days, under the tenant, the caller and
the method. The same id with another body is an error; one whose first request is still running gets a conflict;
a request that failed keeps nothing, so it can be repeated.
"""

from __future__ import annotations

import datetime
import hashlib
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from pymongo.database import Database

from services.chassis import errors
from services.chassis.resources.bson_codec import Document
from services.chassis.resources.changes import COLLECTION, REQUEST_DAYS, Author
from services.chassis.resources.shelves import Shelves

_replayed: ContextVar[bool] = ContextVar("replayed", default=False)


def begin() -> None:
    """Says that a new call begins in this thread."""
    _replayed.set(False)


def replayed() -> bool:
    """Whether the call was answered as an earlier one had been."""
    return _replayed.get()


@dataclass(frozen=True, slots=True)
class Request:
    """A request that may be repeated: its method, the id that the caller chose, and what its body amounts to."""

    method: str
    request_id: str
    fingerprint: str
    response: type[Message]

    @staticmethod
    def of(method: str, message: Any, response: type[Message]) -> Request | None:
        """The request in a message with a `request_id`; None when the caller chose none."""
        if not message.request_id:
            return None
        body = type(message)()
        body.CopyFrom(message)
        body.ClearField("request_id")
        digest = hashlib.sha256(body.SerializeToString(deterministic=True)).hexdigest()
        return Request(method, message.request_id, digest, response)

    def key(self, author: Author) -> str:
        """Unique in a tenant for as long as it is kept."""
        return f"{author.subject} {self.method} {self.request_id}"


def entry(request: Request, author: Author, response: Message, change: Document) -> Document:
    """What a Change keeps of the request that made it; the response only if it is more than the changed record."""
    kept: Document = {"key": request.key(author), "fingerprint": request.fingerprint}
    if getattr(response, "name", None) != change["record"]:
        kept["response"] = response.SerializeToString()
    return kept


def find(database: Database[Document], author: Author, request: Request) -> Document | None:
    """The first Change of an earlier request with the same id, or None.

    Raises:
        errors.InvalidArgument: the id was used for another request.
    """
    change = database[COLLECTION].find_one({"tenant": author.tenant, "request.key": request.key(author)})
    if change is None:
        return None
    if change["request"]["fingerprint"] != request.fingerprint:
        raise errors.InvalidArgument.of(
            "request_id", "was used for a different request before: choose another one", reason="REQUEST_ID_REUSED"
        )
    return change


def answer(shelves: Shelves, change: Document, request: Request) -> Any:
    """The first answer again."""
    _replayed.set(True)
    if "response" in change["request"]:
        return request.response.FromString(change["request"]["response"])
    return shelves.to_message(request.response, change["after"])


def forget_expired(database: Database[Document], now: datetime.datetime | None = None) -> int:
    """Forgets request ids that are older than seven days; returns how many. The Changes stay."""
    now = now or datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    expired = {"request.key": {"$exists": True}, "time": {"$lt": now - datetime.timedelta(days=REQUEST_DAYS)}}
    return database[COLLECTION].update_many(expired, {"$unset": {"request": 1}}).modified_count
