"""Where a service's records are kept: its database, one collection per record, and the way back to messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from google.protobuf.message import Message
from pymongo.collection import Collection
from pymongo.database import Database

from services.chassis.resources import bson_codec
from services.chassis.resources.bson_codec import Document
from services.chassis.resources.records import Record

M = TypeVar("M", bound=Message)


class Shelves:
    """The records of one service with their collections in its database."""

    def __init__(self, database: Database[Document], records: Iterable[Record]) -> None:
        self.database = database
        self._records = {record.message: record for record in records}

    @property
    def records(self) -> Sequence[Record]:
        """Everything that the service keeps."""
        return list(self._records.values())

    def record(self, message: type[Message]) -> Record:
        """The record declared for a message class."""
        return self._records[message]

    def collection(self, record: Record) -> Collection[Document]:
        """Where the documents of a record are."""
        return self.database[record.type.collection]

    def to_message(self, message: type[M], document: Mapping[str, Any]) -> M:
        """The record that a document holds, with its name and etag."""
        fields = bson_codec.arguments(message.DESCRIPTOR)(document)
        fields["name"] = self.record(message).type.prefix + document["_id"]
        fields["etag"] = str(document.get("_version", ""))
        return message(**fields)
