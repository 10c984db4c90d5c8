"""Reads records, and runs writes as transactions that succeed once, also when they are repeated."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import pymongo.errors
from google.protobuf.message import Message
from pymongo.read_concern import ReadConcern

from services.chassis import errors, indexes, migration
from services.chassis.mongo import MAJORITY, Client
from services.chassis.resources import changes, requests
from services.chassis.resources.bson_codec import Document
from services.chassis.resources.changes import Author
from services.chassis.resources.listing import list_query, next_token
from services.chassis.resources.records import Record
from services.chassis.resources.requests import Request
from services.chassis.resources.shelves import Shelves
from services.chassis.resources.transaction import Transaction

M = TypeVar("M", bound=Message)
R = TypeVar("R")

_SNAPSHOT = ReadConcern("snapshot")
_ATTEMPTS = 8
_DUPLICATE_KEY = 11000
_WITHOUT_WORDS = {"_words": 0, "_pairs": 0}
_MAX_QUERY_MS = 5_000
"""A query that takes longer is stopped: no caller can occupy the database."""


class Store(Shelves):
    """The records of one service, to be read and written; nothing is, without a tenant."""

    def __init__(self, client: Client, database: str, records: Iterable[Record]) -> None:
        super().__init__(client[database], records)
        self.client = client

    def migrate(self) -> None:
        """Creates what indexes are missing, as `migration.run` does under a lock. It is safe to repeat."""
        migration.expand(self.database, indexes.declared(self.records))

    def get(self, message: type[M], tenant: str, name: str) -> M:
        """A record by its name; a deleted one too, with its `delete_time` (AIP-164).

        Raises:
            errors.NotFound: the tenant has no such record.
        """
        record = self.record(message)
        identifier = record.type.id_of(name)
        with translated():
            document = identifier and self.collection(record).find_one(
                {"_id": identifier, "tenant": tenant}, _WITHOUT_WORDS, max_time_ms=_MAX_QUERY_MS
            )
        if not document:
            raise errors.NotFound.of(name)
        return self.to_message(message, document)

    def get_all(self, message: type[M], tenant: str, names: Sequence[str]) -> list[M]:
        """Records by their names, in that order.

        Raises:
            errors.NotFound: one of them does not exist.
        """
        record = self.record(message)
        found = self._by_id(record, tenant, [record.type.id_of(name) for name in names])
        missing = [name for name in names if record.type.id_of(name) not in found]
        if missing:
            raise errors.NotFound.of(missing[0])
        return [self.to_message(message, found[str(record.type.id_of(name))]) for name in names]

    def list(self, message: type[M], tenant: str, request: Any) -> tuple[list[M], str]:
        """One page of records for a standard list request, and the token of the next page (empty at the end).

        Raises:
            errors.InvalidArgument: filter, order, search or page token is wrong.
        """
        record = self.record(message)
        query = list_query(
            record.type,
            tenant=tenant,
            filter=request.filter,
            order_by=request.order_by,
            q=request.q,
            page_size=request.page_size,
            page_token=request.page_token,
            show_deleted=request.show_deleted,
        )
        with translated():
            cursor = self.collection(record).find(
                query.query, _WITHOUT_WORDS, limit=query.limit, skip=query.skip, max_time_ms=_MAX_QUERY_MS
            )
            if query.sort:
                cursor = cursor.sort(query.sort)
            if query.hint:
                cursor = cursor.hint(query.hint)
            documents = list(cursor)
        page = documents[: query.limit - 1]
        token = next_token(query, page[-1]) if len(documents) == query.limit else ""
        return [self.to_message(message, document) for document in page], token

    def missing(self, record: Record, tenant: str, names: Iterable[str]) -> set[str]:
        """Those of the names that the tenant does not have, or has deleted."""
        wanted = {name: record.type.id_of(name) for name in names}
        found = self._by_id(record, tenant, [identifier for identifier in wanted.values() if identifier])
        return {
            name
            for name, identifier in wanted.items()
            if "delete_time" in found.get(identifier or "", {"delete_time": 0})
        }

    def write(self, author: Author, work: Callable[[Transaction], M], request: Request | None = None) -> M:
        """Runs `work` in one transaction and answers with what it returns.

        A request with an id that was carried out before is answered as it was then, and `work` has no effect.

        Raises:
            errors.Aborted: others change the same records all the time, or the same request is still in progress.
            errors.InvalidArgument: the request id was used for another request.
        """
        try:
            return self.transact(author, lambda tx: _finish(tx, work(tx), request))
        except (errors.KithError, pymongo.errors.DuplicateKeyError) as error:
            # What the first request did makes its repetition fail, one way or another: look only then.
            earlier = requests.find(self.database, author, request) if request else None
            if earlier is None or request is None:
                raise _known(error) from error
            answer: M = requests.answer(self, earlier, request)
            return answer

    def transact(self, author: Author, work: Callable[[Transaction], R], *, attempts: int = _ATTEMPTS) -> R:
        """Runs `work` in one transaction, again when another one got in the way, and commits it.

        Raises:
            errors.Aborted: it did not succeed in so many attempts.
            errors.Unavailable: no database answers.
        """
        for attempt in range(attempts):
            try:
                with translated():
                    return self._attempt(author, work)
            except _Conflict as conflict:
                if attempt == attempts - 1:
                    raise errors.Aborted(
                        "somebody else is changing the same records, or the same request is in progress: try again",
                        reason="CONFLICT",
                    ) from conflict
                time.sleep(random.uniform(0.5, 1.5) * 0.004 * 2**attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _attempt(self, author: Author, work: Callable[[Transaction], R]) -> R:
        with self.client.start_session() as session:
            session.start_transaction(read_concern=_SNAPSHOT, write_concern=MAJORITY)
            tx = Transaction(self, author, session)
            result = work(tx)
            tx.flush()
            if tx.changes:
                self._insert_changes(tx)
            _commit(session)
            return result

    def _insert_changes(self, tx: Transaction) -> None:
        collection = self.database[changes.COLLECTION]
        if len(tx.changes) == 1:
            collection.insert_one(tx.changes[0], session=tx.session)
        else:
            collection.insert_many(tx.changes, session=tx.session)

    def _by_id(self, record: Record, tenant: str, identifiers: Iterable[str | None]) -> dict[str, Document]:
        query = {"_id": {"$in": list(identifiers)}, "tenant": tenant}
        with translated():
            cursor = self.collection(record).find(query, _WITHOUT_WORDS, max_time_ms=_MAX_QUERY_MS)
            return {document["_id"]: document for document in cursor}


class _Conflict(Exception):
    """The transaction met another one; running it again may succeed."""


@contextmanager
def translated() -> Iterator[None]:
    """Turns the driver's errors into ours: nobody outside learns what database we use.

    A duplicate key passes through, since only the caller knows what it means.
    """
    try:
        yield
    except pymongo.errors.DuplicateKeyError:
        raise
    except pymongo.errors.BulkWriteError as error:
        raise _first_of(error) from error
    except pymongo.errors.ExecutionTimeout as error:
        raise errors.DeadlineExceeded(
            "the query took too long: narrow it with a filter", reason="QUERY_TOO_SLOW"
        ) from error
    except pymongo.errors.PyMongoError as error:
        if error.has_error_label("TransientTransactionError"):
            raise _Conflict from error
        if isinstance(error, (pymongo.errors.ConnectionFailure, pymongo.errors.WTimeoutError)) or error.timeout:
            raise errors.Unavailable(
                "the database does not answer: try again", reason="DATABASE_UNAVAILABLE"
            ) from error
        raise


def _first_of(error: pymongo.errors.BulkWriteError) -> pymongo.errors.PyMongoError:
    """What made a bulk write fail, as a single write would have told it."""
    first = (error.details or {}).get("writeErrors", [{}])[0]
    if first.get("code") == _DUPLICATE_KEY:
        return pymongo.errors.DuplicateKeyError(str(first.get("errmsg")), _DUPLICATE_KEY, first)
    return error


def _commit(session: Any) -> None:
    """Commits; when the answer got lost, asks again until it is known."""
    for _ in range(3):
        try:
            session.commit_transaction()
            return
        except pymongo.errors.PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult"):
                raise
            lost = error
    raise lost


def _finish(tx: Transaction, response: M, request: Request | None) -> M:
    if request is not None and tx.changes:
        tx.changes[0]["request"] = requests.entry(request, tx.author, response, tx.changes[0])
    return response


def _known(error: Exception) -> errors.KithError:
    """A duplicate key as the unique field that is taken."""
    if isinstance(error, errors.KithError):
        return error
    details = getattr(error, "details", None) or {}
    field = next((key for key in details.get("keyPattern", {}) if key not in ("tenant", "delete_time")), "")
    return errors.AlreadyExists(
        f"{field}: another record has this value already",
        violations=(errors.Violation(field, "another record has this value already"),),
    )
