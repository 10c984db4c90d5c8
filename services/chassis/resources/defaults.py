"""Exactly one record of a kind is a tenant's default, from the first moment on."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from services.chassis.errors import FailedPrecondition, InvalidArgument
from services.chassis.resources.schema import RecordType
from services.chassis.resources.transaction import Transaction

M = TypeVar("M", bound=Message)

_NAMESPACE = uuid.UUID("6b697468-0000-5000-8000-64656661756c")


class Default(Generic[M]):
    """The default among records with a `default` field, which the proto declares unique.

    `standard` makes the one that a tenant gets which has none. Whoever needs it first creates it, and all of them
    under the same identifier: two who do so at once cannot both succeed, and the second finds the first one's.
    """

    def __init__(self, message: type[M], standard: Callable[[], M]) -> None:
        self._message = message
        self._standard = standard

    def of(self, tx: Transaction) -> M:
        """The tenant's default record, created if need be; looked up once in a transaction."""
        key = (self._message, "default record")
        if key not in tx.memory:
            tx.memory[key] = self._find(tx) or tx.create(self._standard(), identifier=self.identifier(tx.tenant))
        found: M = tx.memory[key]
        return found

    def identifier(self, tenant: str) -> str:
        """The identifier of a tenant's standard record."""
        return str(uuid.uuid5(_NAMESPACE, f"{tenant} {RecordType.of(self._message).plural}"))

    def keep_one(self, tx: Transaction, after: Any, before: Any | None) -> None:
        """A hook for writes: the first is the default, a new default takes the place of the old one.

        Raises:
            InvalidArgument: the only default would be none any more, or two would be.
        """
        kind = RecordType.of(self._message).kind
        if before is not None and before.default:
            if not after.default and ("replaced", before.name) not in tx.memory:
                raise InvalidArgument.of(f"{kind}.default", f"make another {kind} the default one instead")
            return
        if before is not None and not after.default:
            return
        key = (self._message, "new default")
        if key in tx.memory:
            if after.default:
                raise InvalidArgument.of(f"{kind}.default", f"only one {kind} can be the default one")
            return
        current: Any = self._find(tx)
        after.default = after.default or current is None
        if after.default:
            tx.memory[key] = True
            tx.memory.pop((self._message, "default record"), None)
            if current is not None:
                tx.memory[("replaced", current.name)] = True
                tx.update(self._message, current.name, _unset)

    def refuse_deletion(self, tx: Transaction, name: str) -> None:
        """To be called before a deletion.

        Raises:
            FailedPrecondition: it is the default one.
        """
        current: Any = self._find(tx)
        if current is not None and current.name == name:
            kind = RecordType.of(self._message).kind
            raise FailedPrecondition(
                f"this is the default {kind}: make another one the default first", reason=f"DEFAULT_{kind.upper()}"
            )

    def _find(self, tx: Transaction) -> M | None:
        found = tx.find(self._message, {"default": True}, limit=1)
        return found[0] if found else None


def _unset(record: Any) -> None:
    record.default = False
