"""One unit of work: records and their Changes in one MongoDB transaction."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import protovalidate
from google.protobuf.message import Message
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from services.chassis import errors
from services.chassis.resources import bson_codec, changes
from services.chassis.resources.bson_codec import Document
from services.chassis.resources.changes import Author
from services.chassis.resources.records import Record
from services.chassis.resources.search import words_of
from services.chassis.resources.shelves import Shelves
from services.chassis.resources.validation import check

M = TypeVar("M", bound=Message)


class Transaction:
    """What a write may do. Everything it does happens at commit, or not at all.

    `now` is the moment of the transaction, `session` goes along with every direct use of `collection`. `memory` is
    for hooks: what they looked up once for a thousand records, by any key of their own; `remaining` is how many records
    of a batch are still to be created, the present one included.
    """

    def __init__(self, shelves: Shelves, author: Author, session: ClientSession) -> None:
        self._shelves = shelves
        self.author = author
        self.session = session
        self.now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        self.now = self.now.replace(microsecond=self.now.microsecond // 1000 * 1000)
        self.changes: list[Document] = []
        self._added: dict[str, list[Document]] = {}
        self.memory: dict[object, Any] = {}
        self.remaining = 1

    def of(self, author: Author) -> Transaction:
        """The same transaction for what another author does in it: with everything in common but `memory`."""
        other = Transaction(self._shelves, author, self.session)
        other.now, other.changes, other._added = self.now, self.changes, self._added
        return other

    @property
    def tenant(self) -> str:
        """The tenant in which everything happens."""
        return self.author.tenant

    def collection(self, name: str) -> Collection[Document]:
        """A collection that is no record (a read model, an inbox): pass it `session=tx.session` and the tenant."""
        return self._shelves.database[name]

    def add(self, name: str, document: Document) -> None:
        """Inserts into a collection that is no record, before the commit: together with others, which is cheaper.

        Until `flush` it is not there to be found.
        """
        self._added.setdefault(name, []).append(document)

    def flush(self) -> None:
        """Inserts what was added so far."""
        for name, documents in self._added.items():
            if len(documents) == 1:
                self.collection(name).insert_one(documents[0], session=self.session)
            else:
                self.collection(name).insert_many(documents, session=self.session)
        self._added.clear()

    def get(self, message: type[M], name: str, *, etag: str = "") -> M:
        """A record by its name.

        Raises:
            errors.NotFound: the tenant has no such record, or it is deleted.
            errors.Aborted: `etag` is given and is not the current one.
        """
        record = self._shelves.record(message)
        document = self._read(record, name)
        if "delete_time" in document:
            raise errors.NotFound.of(name)
        _check_etag(document, etag)
        return self._shelves.to_message(message, document)

    def find(self, message: type[M], query: Document, *, limit: int = 100) -> list[M]:
        """The tenant's records that match a MongoDB query, deleted ones left out."""
        record = self._shelves.record(message)
        documents = self._shelves.collection(record).find(
            {**query, "tenant": self.tenant, "delete_time": None}, session=self.session, limit=limit
        )
        return [self._shelves.to_message(message, document) for document in documents]

    def create(self, message: M, *, verb: str = "created", identifier: str = "") -> M:
        """Creates one record; see `create_all`."""
        return self.create_all([message], verb=verb, identifiers=[identifier])[0]

    def create_all(
        self,
        messages: Sequence[M],
        *,
        verb: str = "created",
        identifiers: Sequence[str] = (),
        places: Sequence[str] = (),
    ) -> list[M]:
        """Creates records of one kind; output-only fields that hooks do not set are taken as they are given.

        places: where in the request each of them stands, for errors: `requests[3].contact`.

        Raises:
            errors.InvalidArgument: a record breaks a rule.
            errors.AlreadyExists: a unique value is taken (at commit).
        """
        record = self._shelves.record(type(messages[0]))
        documents = []
        for index, message in enumerate(messages):
            self.remaining = len(messages) - index
            try:
                self._prepare(record, message, None)
            except errors.InvalidArgument as error:
                if not places:
                    raise
                raise error.moved(record.type.kind, places[index]) from error
            identifier = (identifiers[index] if identifiers else "") or changes.new_id()
            document = self._new_document(record, message, identifier)
            self.changes.append(changes.change_document(self.author, record.type, verb, self.now, None, document))
            self._index_words(record, message, document)
            documents.append(document)
        collection = self._shelves.collection(record)
        if len(documents) == 1:
            collection.insert_one(documents[0], session=self.session)
        else:
            collection.insert_many(documents, session=self.session)
        return [self._shelves.to_message(type(messages[0]), document) for document in documents]

    def update(
        self, message_class: type[M], name: str, change: Callable[[M], None], *, etag: str = "", verb: str = ""
    ) -> M:
        """Reads a record, lets `change` alter it, and stores it as the next version. Nothing altered is no change.

        Raises:
            errors.NotFound: there is no such record.
            errors.Aborted: `etag` is given and is not the current one.
            errors.InvalidArgument: the altered record breaks a rule.
        """
        record = self._shelves.record(message_class)
        document = self._read(record, name)
        if "delete_time" in document:
            raise errors.NotFound.of(name)
        _check_etag(document, etag)
        before = self._shelves.to_message(message_class, document)
        after = message_class()
        after.CopyFrom(before)
        change(after)
        self._prepare(record, after, before)
        return self._replace(record, document, after, verb or record.verb(after, before))

    def delete(self, message_class: type[M], name: str, *, etag: str = "") -> M:
        """Deletes a record softly. A deleted one stays as it is."""
        record = self._shelves.record(message_class)
        document = self._read(record, name)
        _check_etag(document, etag)
        message = self._shelves.to_message(message_class, document)
        if "delete_time" in document:
            return message
        _set_time(message, "delete_time", self.now)
        return self._replace(record, document, message, "deleted")

    def undelete(self, message_class: type[M], name: str, *, etag: str = "") -> M:
        """Brings a deleted record back. One that is not deleted stays as it is."""
        record = self._shelves.record(message_class)
        document = self._read(record, name)
        _check_etag(document, etag)
        message = self._shelves.to_message(message_class, document)
        if "delete_time" not in document:
            return message
        message.ClearField("delete_time")
        return self._replace(record, document, message, "undeleted")

    def _read(self, record: Record, name: str) -> Document:
        identifier = record.type.id_of(name)
        document = identifier and self._shelves.collection(record).find_one(
            {"_id": identifier, "tenant": self.tenant}, session=self.session
        )
        if not document:
            raise errors.NotFound.of(name)
        return document

    def _prepare(self, record: Record, message: Message, before: Message | None) -> None:
        record.prepare(self, message, before)
        check(protovalidate.collect_violations(message), prefix=record.type.kind)

    def _new_document(self, record: Record, message: Any, identifier: str) -> Document:
        message.name = record.type.name_of(identifier)
        message.creator = self.author.subject
        _set_time(message, "create_time", self.now)
        _set_time(message, "update_time", self.now)
        return {"_id": identifier, "tenant": self.tenant, "_version": 1, **_fields(message)}

    def _replace(self, record: Record, document: Document, message: M, verb: str) -> M:
        after = {
            "_id": document["_id"],
            "tenant": self.tenant,
            "_version": document["_version"] + 1,
            **_fields(message),
        }
        change = changes.change_document(self.author, record.type, verb, self.now, document, after)
        if not change["fields"]:
            return self._shelves.to_message(type(message), document)
        after["update_time"] = change["after"]["update_time"] = self.now
        self._index_words(record, message, after)
        self._shelves.collection(record).replace_one(
            {"_id": document["_id"], "tenant": self.tenant, "_version": document["_version"]},
            after,
            session=self.session,
        )
        self.changes.append(change)
        return self._shelves.to_message(type(message), after)

    def _index_words(self, record: Record, message: Message, document: Document) -> None:
        if record.type.searchable:
            document["_words"], document["_pairs"] = words_of(record.type, message)


def _fields(message: Message) -> Document:
    document = bson_codec.encode(message)
    document.pop("name", None)
    document.pop("etag", None)
    return document


def _set_time(message: Message, field: str, moment: datetime.datetime) -> None:
    getattr(message, field).CopyFrom(bson_codec.to_timestamp(moment))


def _check_etag(document: Document, etag: str) -> None:
    current = str(document["_version"])
    if etag and etag != current:
        raise errors.Aborted(
            f"etag: the record has changed meanwhile; read it again (its etag is {current})",
            reason="ETAG_MISMATCH",
            metadata={"etag": current},
        )
