"""What a conversion has begun at the contact service, kept until it has ended, so that nothing is made twice.

Before anything is created there, what shall be created is written down here. A repetition sends the very same again
under the same request id, which answers with the first record. Where that does not hold (another user repeats, or a
week has passed), a record that the interrupted conversion has made is looked for first.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from google.protobuf.message import Message
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.chassis import errors
from services.chassis.resources.changes import Author
from services.chassis.resources.store import Store, translated
from services.chassis.resources.transaction import Transaction

M = TypeVar("M", bound=Message)

COLLECTION = "conversions"
"""{_id: tenant and lead, tenant, begun, until, callers: [users/…], account: bytes, contact: bytes}"""
HELD = datetime.timedelta(seconds=30)
"""So long a conversion belongs to its caller: longer than any call takes."""

_UNCERTAIN = (errors.Unavailable, errors.DeadlineExceeded, errors.Aborted)
"""After these, what was asked for may have been done, or may yet be."""


class Plan:
    """The plan of converting one lead; use it inside of `with plan.begun():`."""

    def __init__(self, store: Store, author: Author, lead: str) -> None:
        self._collection = store.database[COLLECTION]
        self._author = author
        self._lead = lead
        self._key = {"_id": f"{author.tenant} {lead}"}
        self._document: dict[str, Any] = {}

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Takes the conversion over, unless somebody else is at it.

        When it fails for certain, anybody may try again at once; otherwise others wait until `HELD` is over.

        Raises:
            errors.Aborted: somebody else converts the lead at this moment.
        """
        self._claim()
        try:
            yield
        except errors.KithError as error:
            if not isinstance(error, _UNCERTAIN) and type(error) is not errors.KithError:
                self._release()
            raise

    def written(self, what: str, message: M) -> tuple[M, bool]:
        """What is to be created: as it was written down first, and whether that was before this call."""
        earlier = self._document.get(what)
        if earlier is not None:
            return type(message).FromString(earlier), True
        with translated():
            stored = self._collection.update_one(self._key, {"$set": {what: message.SerializeToString()}})
        if not stored.matched_count:
            raise _in_progress()  # the same caller's other call has just been refused, and its plan is gone
        return message, False

    @contextmanager
    def creating(self, what: str) -> Iterator[str]:
        """Gives the request id for creating it; when that is refused, the plan may be made anew."""
        try:
            yield f"{self._lead} {what}"
        except errors.KithError as error:
            if not isinstance(error, _UNCERTAIN) and type(error) is not errors.KithError:
                with translated():
                    self._collection.update_one(self._key, {"$unset": {what: 1}})
            raise

    def made_by_it(self) -> str:
        """A filter (AIP-160) for what this conversion may have created before."""
        begun = self._document["begun"].isoformat(timespec="milliseconds")
        creators = " OR ".join(f"creator = {quoted(caller)}" for caller in self._document["callers"])
        return f'create_time >= "{begun}Z" AND ({creators})'

    def end(self, tx: Transaction) -> None:
        """Forgets the plan, in the transaction that makes the lead a converted one."""
        tx.collection(COLLECTION).delete_one(self._key, session=tx.session)

    def _claim(self) -> None:
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None, microsecond=0)
        free = [{"caller": self._author.subject}, {"until": {"$lt": now}}, {"until": None}]
        try:
            with translated():
                document = self._collection.find_one_and_update(
                    {**self._key, "$or": free},
                    {
                        "$set": {"caller": self._author.subject, "until": now + HELD},
                        "$addToSet": {"callers": self._author.subject},
                        "$setOnInsert": {"tenant": self._author.tenant, "begun": now},
                    },
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
        except DuplicateKeyError as error:
            raise _in_progress() from error
        assert document is not None, "an upsert returns what it stored"
        self._document = document

    def _release(self) -> None:
        """Lets others try at once; a plan under which nothing was begun is forgotten, so a refusal leaves nothing."""
        mine = {"$in": [self._document["until"], None]}
        nothing_begun = {"until": mine, "account": None, "contact": None}
        with translated():
            if not self._collection.delete_one({**self._key, **nothing_begun}).deleted_count:
                self._collection.update_one(self._key, {"$unset": {"until": 1}})


def _in_progress() -> errors.Aborted:
    return errors.Aborted(
        "somebody else is converting this lead: try again in half a minute", reason="CONVERSION_IN_PROGRESS"
    )


def quoted(text: str) -> str:
    """A text as a value in a filter, where nothing in it has a meaning of its own."""
    for special in ("\\", '"', "*"):
        text = text.replace(special, "\\" + special)
    return f'"{text}"'
