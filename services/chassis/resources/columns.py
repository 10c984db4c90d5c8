"""How a declared field is stored and compared: what filters, orders and page positions must know of it.

A document leaves out default values (0, "", false, enum 0, empty lists), so a *missing* value of a field
without presence means its default, and a missing message or timestamp means that there is none.
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from services.chassis.resources.schema import RecordType

Default = str | int | float | bool | None


class Kind(Enum):
    """What a column's values are, as people would say it in an error."""

    TEXT = "a text"
    NAME = "a resource name"
    BOOLEAN = "true or false"
    INTEGER = "a whole number"
    NUMBER = "a number"
    ENUM = "an enum value"
    TIMESTAMP = "a timestamp"
    DURATION = "a duration"


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One filterable field as it lies in a document.

    `path` is what the client calls it (snake_case), `stored` the path in the document. `default` is the value
    that a missing one stands for, None where missing means absent. `elements` and `element` split `stored` at
    its first repeated field: `email_addresses` and `value`; both are "" for a field that is not repeated.
    """

    path: str
    stored: str
    kind: Kind
    descriptor: FieldDescriptor
    default: Default
    repeated: bool
    elements: str = ""
    element: str = ""


@lru_cache(maxsize=4096)
def column(record_type: RecordType, written: str) -> Column | None:
    """The column that a client calls `written` (snake_case or lowerCamelCase); None if it may not be filtered."""
    field = record_type.field(written)
    if field is None or not field.filterable:
        return None
    kind = _kind(field.path, field.descriptor)
    return _column(field.path, kind, _steps(record_type.descriptor, field.path)) if kind else None


@lru_cache(maxsize=256)
def columns(record_type: RecordType) -> tuple[str, ...]:
    """The paths that may stand in a filter, sorted, for errors that tell what would have been right."""
    paths = sorted(field.path for field in record_type.filterable)
    return tuple(path for path in paths if column(record_type, path))


def one_of(choices: tuple[str, ...] | list[str], limit: int = 60) -> str:
    """`a, b, c`, cut after `limit` choices, so that an error stays readable."""
    shown = ", ".join(choices[:limit])
    return shown if len(choices) <= limit else f"{shown}, and {len(choices) - limit} more"


def _column(path: str, kind: Kind, steps: list[FieldDescriptor]) -> Column:
    leaf = steps[-1]
    names = [step.name for step in steps]
    default: Default = None if leaf.has_presence or kind is Kind.NAME else leaf.default_value
    cut = next((at + 1 for at, step in enumerate(steps) if step.is_repeated), 0)
    return Column(
        path=path,
        stored="_id" if kind is Kind.NAME else path,
        kind=kind,
        descriptor=leaf,
        default=default if not leaf.is_repeated else None,
        repeated=cut > 0,
        elements=".".join(names[:cut]),
        element=".".join(names[cut:]) if cut else "",
    )


def _steps(message: Descriptor | None, path: str) -> list[FieldDescriptor]:
    """The fields that lead from `message` to the leaf at `path`."""
    steps: list[FieldDescriptor] = []
    for segment in path.split("."):
        assert message is not None, path
        steps.append(message.fields_by_name[segment])
        message = steps[-1].message_type
    return steps


def _kind(path: str, leaf: FieldDescriptor) -> Kind | None:
    if path == "name":
        return Kind.NAME
    if leaf.message_type is not None:
        return _MESSAGE_KINDS.get(leaf.message_type.full_name)
    return _SCALAR_KINDS.get(leaf.type)


_MESSAGE_KINDS = {"google.protobuf.Timestamp": Kind.TIMESTAMP, "google.protobuf.Duration": Kind.DURATION}

_SCALAR_KINDS = {
    FieldDescriptor.TYPE_STRING: Kind.TEXT,
    FieldDescriptor.TYPE_BOOL: Kind.BOOLEAN,
    FieldDescriptor.TYPE_ENUM: Kind.ENUM,
    FieldDescriptor.TYPE_DOUBLE: Kind.NUMBER,
    FieldDescriptor.TYPE_FLOAT: Kind.NUMBER,
} | dict.fromkeys(
    (
        FieldDescriptor.TYPE_INT32,
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT32,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_SINT32,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_FIXED32,
        FieldDescriptor.TYPE_FIXED64,
        FieldDescriptor.TYPE_SFIXED32,
        FieldDescriptor.TYPE_SFIXED64,
    ),
    Kind.INTEGER,
)
