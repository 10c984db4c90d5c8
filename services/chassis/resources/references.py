"""Checks that the records which a record names exist in the caller's tenant, wherever they are kept."""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Protocol

from google.protobuf.message import Message

from services.chassis import protos
from services.chassis.call import Call
from services.chassis.errors import InvalidArgument, Violation
from services.chassis.resources.bson_codec import encode
from services.chassis.resources.schema import FieldInfo, RecordType
from services.chassis.resources.store import Store

ANY = "*"
_REMEMBER_SECONDS = 30.0
_REMEMBER_NAMES = 50_000


class Peers(Protocol):
    """How the other services are asked."""

    def missing(self, service: str, names: list[str], call: Call) -> set[str]:
        """Those of the names that the service does not have in the caller's tenant."""


class References:
    """Checks references for one service. A name that was found is believed for half a minute."""

    def __init__(self, store: Store, service: str, peers: Peers) -> None:
        self._store = store
        self._service = service
        self._peers = peers
        self._known: OrderedDict[tuple[str, str], float] = OrderedDict()

    def check(self, messages: Iterable[tuple[str, Message]], call: Call) -> None:
        """Checks all references in the messages; each comes with the path that its violations begin with.

        Raises:
            InvalidArgument: a name is not one of the right kind, or the tenant has no such record.
        """
        tenant = call.principal.tenant
        wanted: dict[str, str] = {}
        for prefix, message in messages:
            for field, path, name, target in _names(RecordType.of(type(message)), message):
                if target is None or target.id_of(name) is None:
                    raise InvalidArgument.of(f"{prefix}.{path}", f"{name!r} is not the name of {_kind(field)}")
                wanted.setdefault(name, f"{prefix}.{path}")
        now = time.monotonic()
        unknown = [name for name in wanted if self._known.get((tenant, name), 0) < now]
        missing = self._missing(unknown, call) if unknown else set()
        self._remember(tenant, (name for name in unknown if name not in missing), now)
        if missing:
            violations = tuple(Violation(wanted[name], f"{name} does not exist") for name in unknown if name in missing)
            raise InvalidArgument(f"{violations[0].field}: {violations[0].description}", violations=violations)

    def _missing(self, names: list[str], call: Call) -> set[str]:
        by_type: dict[RecordType, list[str]] = defaultdict(list)
        for name in names:
            by_type[_by_plural()[name.partition("/")[0]]].append(name)
        missing: set[str] = set()
        remote: dict[str, list[str]] = defaultdict(list)
        for kind, listed in by_type.items():
            if kind.service == self._service:
                missing |= self._store.missing(self._store.record(kind.message), call.principal.tenant, listed)
            else:
                remote[kind.service] += listed
        for service, listed in remote.items():
            missing |= self._peers.missing(service, listed, call)
        return missing

    def _remember(self, tenant: str, names: Iterable[str], now: float) -> None:
        for name in names:
            self._known[(tenant, name)] = now + _REMEMBER_SECONDS
        while len(self._known) > _REMEMBER_NAMES:
            self._known.popitem(last=False)


def missing_here(store: Store, tenant: str, names: Iterable[str]) -> set[str]:
    """Those of the names that this service does not have; names of other services' records are missing too."""
    by_plural = {record.type.plural: record for record in store.records}
    asked: dict[str, list[str]] = defaultdict(list)
    for name in names:
        asked[name.partition("/")[0]].append(name)
    missing: set[str] = set()
    for plural, listed in asked.items():
        record = by_plural.get(plural)
        missing |= set(listed) if record is None else store.missing(record, tenant, listed)
    return missing


def _names(kind: RecordType, message: Message) -> Iterator[tuple[FieldInfo, str, str, RecordType | None]]:
    """Each name in a message: its field, its path there, the name, and the kind of record that it should be."""
    document = None
    for field in kind.references:
        if field.output_only:
            continue
        if document is None:
            document = encode(message)
        for path, name in _values(document, field.path.split(".")):
            target = _by_plural().get(name.partition("/")[0])
            if field.reference not in (ANY, target.type if target else ""):
                target = None
            yield field, path, name, target


def _values(value: Any, steps: list[str], path: str = "") -> Iterator[tuple[str, str]]:
    """What stands at the end of the steps, with its path: `lines[0].product`."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _values(item, steps, f"{path}[{index}]")
    elif not steps:
        yield path, value
    elif isinstance(value, dict) and steps[0] in value:
        yield from _values(value[steps[0]], steps[1:], f"{path}.{steps[0]}" if path else steps[0])


def _kind(field: FieldInfo) -> str:
    if field.reference == ANY:
        return "a record"
    kind = next((kind for kind in _by_plural().values() if kind.type == field.reference), None)
    return f"a {kind.kind.replace('_', ' ')} ({kind.plural}/…)" if kind else field.reference


@cache
def _by_plural() -> dict[str, RecordType]:
    kinds = (RecordType.of(protos.message_class(descriptor)) for descriptor in protos.records())
    return {kind.plural: kind for kind in kinds}
