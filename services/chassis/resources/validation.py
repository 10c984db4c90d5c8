"""protovalidate's findings as our errors: the field's path, what is wrong and what is right."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from services.chassis.errors import InvalidArgument, Violation


def check(found: Sequence[Any], prefix: str = "") -> None:
    """Raises InvalidArgument for protovalidate's violations, their field paths beginning with `prefix`."""
    if not found:
        return
    violations = tuple(Violation(_path(item.proto.field.elements, prefix), item.proto.message) for item in found)
    first = violations[0]
    raise InvalidArgument(f"{first.field}: {first.description}", violations=violations)


def check_some(found: Sequence[Any], paths: Collection[str], prefix: str) -> None:
    """As `check`, but only for violations at or below some field paths: the rest of the message is not there."""
    check([item for item in found if _lies_in(_path(item.proto.field.elements, ""), paths)], prefix)


def _lies_in(path: str, outer: Collection[str]) -> bool:
    return any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in outer)


def _path(elements: Sequence[Any], prefix: str) -> str:
    steps = [prefix] if prefix else []
    for element in elements:
        index = getattr(element.subscript, "value", None) if element.subscript else None
        steps.append(f"{element.field_name}[{index}]" if index is not None else element.field_name)
    return ".".join(steps)
