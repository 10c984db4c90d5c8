"""Checks names that a method takes besides its record's: of the right kind, and of a record that is there."""

from __future__ import annotations

from google.protobuf.message import Message

from services.chassis.call import Call
from services.chassis.errors import InvalidArgument
from services.chassis.peers import Peers
from services.chassis.resources.schema import RecordType


def require(peers: Peers, kind: type[Message], field: str, name: str, call: Call) -> None:
    """Asks the service that owns a record of `kind` whether the caller's tenant has it.

    Raises:
        InvalidArgument: it is no name of that kind, or there is no such record; `field` is at fault.
    """
    wanted = RecordType.of(kind)
    if wanted.id_of(name) is None:
        raise InvalidArgument.of(field, f"{name!r} is not the name of a {wanted.kind} ({wanted.prefix}…)")
    if peers.missing(wanted.service, [name], call):
        raise InvalidArgument.of(field, f"{name} does not exist")
