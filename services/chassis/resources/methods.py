"""The standard methods of every record, bound to RPCs by their names (AIP-131 to 135, 164, 231, 233)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import protovalidate
from google.protobuf.descriptor import ServiceDescriptor
from pymongo import DESCENDING

from services.chassis import errors, protos
from services.chassis.call import Call
from services.chassis.resources import changes, paging
from services.chassis.resources.mask import Mask, clear_output_only
from services.chassis.resources.records import Record
from services.chassis.resources.references import References
from services.chassis.resources.requests import Request
from services.chassis.resources.store import Store, translated
from services.chassis.resources.transaction import Transaction
from services.chassis.resources.validation import check_some

Method = Callable[[Any, Call], Any]


class StandardMethods:
    """The standard methods of one record; `by_name` maps the names of its RPCs to them."""

    def __init__(self, store: Store, record: Record, references: References, service: ServiceDescriptor) -> None:
        self._store = store
        self._record = record
        self._references = references
        self._service = service
        self._kind = record.type
        self._message = record.message

    def by_name(self) -> dict[str, Method]:
        """RPC name → method, for those standard methods that the service declares."""
        one, many = _pascal(self._kind.singular), _pascal(self._kind.plural)
        methods: dict[str, Method] = {
            f"Create{one}": self.create,
            f"Get{one}": self.get,
            f"List{many}": self.list_page,
            f"Update{one}": self.update,
            f"Delete{one}": self.delete,
            f"Undelete{one}": self.undelete,
            f"BatchGet{many}": self.batch_get,
            f"BatchCreate{many}": self.batch_create,
            f"List{one}Changes": self.list_changes,
        }
        return {name: method for name, method in methods.items() if name in self._service.methods_by_name}

    def get(self, request: Any, call: Call) -> Any:
        """Gets one record; a deleted one too."""
        return self._store.get(self._message, call.principal.tenant, request.name)

    def list_page(self, request: Any, call: Call) -> Any:
        """Lists one page."""
        found, token = self._store.list(self._message, call.principal.tenant, request)
        return self._response("List", **{self._kind.collection: found, "next_page_token": token})

    def batch_get(self, request: Any, call: Call) -> Any:
        """Gets several, all or none."""
        found = self._store.get_all(self._message, call.principal.tenant, request.names)
        return self._response("BatchGet", **{self._kind.collection: found})

    def create(self, request: Any, call: Call) -> Any:
        """Creates one."""
        message = getattr(request, self._kind.kind)
        repeated = Request.of(f"Create{self._kind.singular}", request, self._message)
        clear_output_only(self._kind, message)
        self._check_references([(self._kind.kind, message)], call)
        return self._store.write(call.author(), lambda tx: tx.create(_copy(message)), repeated)

    def batch_create(self, request: Any, call: Call) -> Any:
        """Creates up to a thousand in one transaction."""
        messages = [getattr(item, self._kind.kind) for item in request.requests]
        repeated = Request.of(
            f"BatchCreate{self._kind.plural}", request, self._answer(f"BatchCreate{_pascal(self._kind.plural)}")
        )
        for message in messages:
            clear_output_only(self._kind, message)
        places = [f"requests[{index}].{self._kind.kind}" for index in range(len(messages))]
        self._check_references(list(zip(places, messages, strict=True)), call)

        def work(tx: Transaction) -> Any:
            created = tx.create_all([_copy(message) for message in messages], places=places)
            return self._response("BatchCreate", **{self._kind.collection: created})

        return self._store.write(call.author(), work, repeated)

    def update(self, request: Any, call: Call) -> Any:
        """Updates the masked fields of one."""
        message = getattr(request, self._kind.kind)
        if not message.name:
            raise errors.InvalidArgument.of(f"{self._kind.kind}.name", "is missing: say which record to update")
        mask = Mask(self._kind, message, request.update_mask.paths)
        values = mask.values()
        # The whole record is checked when it is stored; what hooks compute anew would hide a wrong value from that.
        check_some(protovalidate.collect_violations(values), mask.paths, self._kind.kind)
        self._check_references([(self._kind.kind, values)], call)
        repeated = Request.of(f"Update{self._kind.singular}", request, self._message)
        return self._store.write(
            call.author(), lambda tx: tx.update(self._message, message.name, mask.apply, etag=message.etag), repeated
        )

    def delete(self, request: Any, call: Call) -> Any:
        """Deletes one softly."""
        repeated = Request.of(f"Delete{self._kind.singular}", request, self._message)
        return self._store.write(
            call.author(), lambda tx: tx.delete(self._message, request.name, etag=request.etag), repeated
        )

    def undelete(self, request: Any, call: Call) -> Any:
        """Brings a deleted one back."""
        repeated = Request.of(f"Undelete{self._kind.singular}", request, self._message)
        return self._store.write(
            call.author(), lambda tx: tx.undelete(self._message, request.name, etag=request.etag), repeated
        )

    def list_changes(self, request: Any, call: Call) -> Any:
        """Lists the history of one record, newest first; the token is the version that was listed last."""
        tenant = call.principal.tenant
        self._store.get(self._message, tenant, request.name)
        limit = request.page_size or 50
        arguments = paging.fingerprint("changes", tenant, request.name)
        query: dict[str, Any] = {"tenant": tenant, "record": request.name}
        if request.page_token:
            query["version"] = {"$lt": paging.offset(request.page_token, arguments)}
        with translated():
            cursor = self._store.database[changes.COLLECTION].find(
                query, sort=[("version", DESCENDING)], limit=limit + 1
            )
            found = list(cursor)
        page = found[:limit]
        token = paging.offset_token(page[-1]["version"], arguments) if len(found) > limit else ""
        listed = [changes.to_message(self._kind, change) for change in page]
        answer = self._answer(f"List{_pascal(self._kind.singular)}Changes")
        return answer(changes=listed, next_page_token=token)

    def _check_references(self, messages: Sequence[tuple[str, Any]], call: Call) -> None:
        if self._kind.references:
            self._references.check(messages, call)

    def _response(self, verb: str, **fields: Any) -> Any:
        return self._answer(verb + _pascal(self._kind.plural))(**fields)

    def _answer(self, rpc: str) -> Any:
        return protos.message_class(self._service.methods_by_name[rpc].output_type)


def _pascal(camel: str) -> str:
    return camel[0].upper() + camel[1:]


def _copy(message: Any) -> Any:
    """A copy to work on, since a transaction may run more than once."""
    copied = type(message)()
    copied.CopyFrom(message)
    return copied
