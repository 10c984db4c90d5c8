"""Which method answers which path: a tree of path segments, built from the `google.api.http` options of all services.

Templates are those of AIP-127: `/v1/contacts`, `/v1/{name=contacts/*}`, `/v1/{contact.name=contacts/*}`,
`/v1/{name=leads/*}:convert`, `/v1/{name=contacts/*}/changes`, with a body of `*`, one field, or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from google.api import annotations_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor

from services.chassis import protos

METHODS = ("get", "put", "post", "delete", "patch")


class RouteError(ValueError):
    """A proto's HTTP rule cannot be served; the process must not start."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A part of the path that fills a request field: `contact.name` from segments 1 up to 3."""

    path: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One HTTP rule of one gRPC method."""

    http_method: str
    label: str
    """The path as people read it, `/v1/contacts/{contact}`."""
    segments: tuple[str, ...]
    verb: str
    variables: tuple[Variable, ...]
    body: str
    """`*`, the name of the request's field that is the body, or empty."""
    method: MethodDescriptor


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    any: _Node | None = None
    verbs: dict[str, dict[str, Any]] = field(default_factory=dict)


class Tree:
    """Finds what is registered for a path, in about a microsecond."""

    def __init__(self) -> None:
        self._root = _Node()
        self._labels: set[str] = set()

    def add(self, rule: Rule, target: object) -> None:
        """Registers a target for a rule.

        Raises:
            RouteError: another rule has the same method and path.
        """
        node = self._root
        for segment in rule.segments:
            if segment == "*":
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.literals.setdefault(segment, _Node())
        methods = node.verbs.setdefault(rule.verb, {})
        if rule.http_method in methods:
            raise RouteError(f"{rule.method.full_name}: {rule.http_method} {rule.label} is served twice")
        methods[rule.http_method] = target
        self._labels.add(rule.label)

    def find(self, segments: list[str]) -> tuple[dict[str, Any], list[str]] | None:
        """The targets by HTTP method for decoded path segments, and the segments without the verb."""
        node: _Node | None = self._root
        for segment in segments[:-1]:
            assert node is not None
            node = node.literals.get(segment) or node.any
            if node is None:
                return None
        assert node is not None
        return self._last(node, segments)

    def labels(self) -> list[str]:
        """Every path that is served, as people read it."""
        return sorted(self._labels)

    def _last(self, node: _Node, segments: list[str]) -> tuple[dict[str, Any], list[str]] | None:
        last, mark, verb = segments[-1].rpartition(":")
        if not mark:
            last, verb = verb, ""
        if not last or (mark and not verb):
            return None
        end = node.literals.get(last) or node.any
        methods = end.verbs.get(verb) if end is not None else None
        if methods is None:
            return None
        if mark:
            segments = [*segments[:-1], last]
        return methods, segments


def rules(services: Iterable[ServiceDescriptor]) -> Iterator[Rule]:
    """Every HTTP rule of every method, additional bindings included.

    Raises:
        RouteError: a rule uses what is not supported, or names a field that is not there.
    """
    for service in services:
        for method in service.methods:
            options = method.GetOptions()
            if options.HasExtension(annotations_pb2.http):
                http = options.Extensions[annotations_pb2.http]
                for binding in (http, *http.additional_bindings):
                    yield _rule(method, binding)


def _rule(method: MethodDescriptor, binding: Any) -> Rule:
    kind = binding.WhichOneof("pattern")
    if kind not in METHODS:
        raise RouteError(f"{method.full_name}: the HTTP rule has no method that can be served")
    template: str = getattr(binding, kind)
    match = _TEMPLATE.match(template)
    if match is None:
        raise RouteError(f"{method.full_name}: cannot read the path {template}")
    segments, variables = _segments(method, match[1])
    if binding.body not in ("", "*"):
        _field(method, (binding.body,))
    return Rule(
        http_method=kind.upper(),
        label=_label(segments, match[2] or ""),
        segments=tuple(segments),
        verb=match[2] or "",
        variables=tuple(variables),
        body=binding.body,
        method=method,
    )


def _segments(method: MethodDescriptor, path: str) -> tuple[list[str], list[Variable]]:
    segments: list[str] = []
    variables: list[Variable] = []
    for part in _PART.findall(path):
        if not part.startswith("{"):
            segments.append(part)
            continue
        name, _, pattern = part[1:-1].partition("=")
        steps = tuple(name.split("."))
        inner = (pattern or "*").split("/")
        if "**" in inner or _field(method, steps).type != FieldDescriptor.TYPE_STRING:
            raise RouteError(f"{method.full_name}: {part} cannot be served")
        variables.append(Variable(steps, len(segments), len(segments) + len(inner)))
        segments += inner
    return segments, variables


def _field(method: MethodDescriptor, steps: tuple[str, ...]) -> FieldDescriptor:
    message: Descriptor | None = method.input_type
    found = None
    for step in steps:
        found = message.fields_by_name.get(step) if message is not None else None
        if found is None:
            raise RouteError(f"{method.full_name}: {method.input_type.full_name} has no field {'.'.join(steps)}")
        message = found.message_type
    assert found is not None
    return found


def _label(segments: list[str], verb: str) -> str:
    """`/v1/contacts/{contact}`: a wildcard is named after the resource whose collection stands before it."""
    named = []
    for index, segment in enumerate(segments):
        named.append(f"{{{_singular(segments[index - 1])}}}" if segment == "*" else segment)
    return "/" + "/".join(named) + (f":{verb}" if verb else "")


def _singular(collection: str) -> str:
    for record in protos.records():
        resource = protos.resource(record)
        if resource is not None and resource.plural == collection:
            return str(resource.singular)
    return "id"


_TEMPLATE = re.compile(r"(/(?:[A-Za-z0-9_.-]+|\{[^{}]+\})(?:/(?:[A-Za-z0-9_.-]+|\{[^{}]+\}))*)(?::([A-Za-z]+))?\Z")
_PART = re.compile(r"\{[^{}]+\}|[^/{}]+")
