"""Query parameters of a method: every field of its request that neither the path nor the body holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.errors import bad_request
from services.chassis import protos
from services.chassis.resources import json_values
from services.chassis.resources.json_values import Converter, Refusal

_MOST_VALUES = 2_000
_DEEPEST = 3


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: `mailingAddress.city` or `mailing_address.city` fills (`mailing_address`, `city`)."""

    name: str
    """In lowerCamelCase, as documented."""
    path: tuple[str, ...]
    field: FieldDescriptor
    convert: Converter


def parameters(request: Descriptor, taken: Iterable[str]) -> tuple[Parameter, ...]:
    """The parameters of a request message; `taken` are the top-level fields that path and body hold."""
    return tuple(_walk(request, (), (), frozenset(taken)))


class Query:
    """Reads the query of one route."""

    def __init__(self, known: Iterable[Parameter]) -> None:
        self._known: dict[str, Parameter] = {}
        for parameter in known:
            self._known[parameter.name] = parameter
            self._known[".".join(parameter.path)] = parameter
        self._names = sorted({parameter.name for parameter in self._known.values()})

    def read(self, pairs: list[tuple[str, str]], fields: dict[str, Any]) -> None:
        """Puts the parameters' values into the request's constructor arguments.

        Raises:
            Problem: 400: an unknown parameter, one given twice, or a wrong value.
        """
        for name, text in pairs:
            parameter = self._known.get(name)
            if parameter is None:
                raise self._unknown(name)
            try:
                value = parameter.convert(text)
            except Refusal as refusal:
                raise bad_request(name, refusal.expected) from None
            self._put(parameter, name, value, fields)

    def _put(self, parameter: Parameter, name: str, value: Any, fields: dict[str, Any]) -> None:
        *outer, last = parameter.path
        for step in outer:
            fields = fields.setdefault(step, {})
        if protos.is_repeated(parameter.field):
            values = fields.setdefault(last, [])
            values.append(value)
            if len(values) > _MOST_VALUES:
                raise bad_request(name, f"is given more than {_MOST_VALUES} times")
        elif last in fields:
            raise bad_request(name, "is given twice: keep one")
        else:
            fields[last] = value

    def _unknown(self, name: str) -> Exception:
        shown = name[:80] if name.isprintable() else ascii(name[:80])[1:-1]
        hint = json_values.closest(name, self._names)
        if not hint:
            hint = f"; known are {', '.join(self._names)}" if self._names else "; this method takes none"
        return bad_request(shown or "query", f"is not a known parameter{hint}")


def _walk(
    message: Descriptor, path: tuple[str, ...], names: tuple[str, ...], taken: frozenset[str]
) -> Iterator[Parameter]:
    for field in message.fields:
        if field.name in taken or protos.is_map(field):
            continue
        here, named = (*path, field.name), (*names, field.json_name)
        inner = field.message_type
        if inner is None:
            yield Parameter(".".join(named), here, field, _text_converter(field))
        elif inner.full_name in json_values.WELL_KNOWN:
            yield Parameter(".".join(named), here, field, json_values.WELL_KNOWN[inner.full_name])
        elif not protos.is_repeated(field) and len(here) < _DEEPEST:
            yield from _walk(inner, here, named, frozenset())


def _text_converter(field: FieldDescriptor) -> Converter:
    convert = json_values.scalar(field)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return lambda text: convert(_BOOLEANS.get(text.lower(), text))
    if field.enum_type is not None:
        return lambda text: convert(int(text) if text.isdecimal() and len(text) < 10 else text)
    return convert


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
