"""Values that a schema forbids, and where in a body they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tests.contract.described import Described, Json, Operation, Step

Wrong = tuple[tuple[Step, ...], Any]

NOT_TEXT = (7, True, ["x"], {"$ne": None}, "a\0b", "half \ud800")
NOT_ENUM = ("NOPE", -1, 99, 1.5, ["x"], {"$gt": ""})
NOT_INTEGER = ("x", 1.5, True, [1], {"$gt": 0}, 10**30)
NOT_LONG = ("x", "1.5", 1.5, True, [1], {"$gt": 0}, "9" * 30)
NOT_BOOLEAN = ("true", 1, [True], {"$ne": False})
NOT_TIME = ("soon", 1, True, ["x"], {"$gt": 0}, "2026-13-01T00:00:00Z", "0000-01-01T00:00:00Z")
NOT_LIST = ("x", 1, {"0": "x"}, {"$size": 1}, [None])
NOT_OBJECT: tuple[Any, ...] = ("x", 1, [], [{}])
NO_KEYS = ("zzz", "$where", "$set", "a.b", "__proto__", "tenant", "_version", "x" * 5_000)
"""Keys that no object of ours has."""
NOT_A_NAME = ("", "..", "/", "x", "contacts", "contacts/", "contacts/x/y", "nothings/1", "contacts/$ne", "n" * 201)
_UNMATCHED = ("!", "\n", "0000", "é" * 3)


def wrong_values(described: Described, schema: Json, path: tuple[Step, ...] = (), depth: int = 6) -> Iterator[Wrong]:
    """Wrong values for each part of a value of this schema. Each comes with the path that an error should name."""
    schema = described.resolved(schema)
    for value in _of_its_own(described, schema):
        yield path, value
    if schema.get("type") == "array" and depth:
        yield from wrong_values(described, schema["items"], (*path, 0), depth - 1)
    if schema.get("type") == "object":
        yield from (((*path, key), 1) for key in NO_KEYS)
        for name, inner in schema.get("properties", {}).items() if depth else ():
            if not inner.get("readOnly"):
                yield from wrong_values(described, inner, (*path, name), depth - 1)


def _of_its_own(described: Described, schema: Json) -> Iterator[Any]:
    kind = schema.get("type")
    if "enum" in schema:
        yield from NOT_ENUM
    elif kind == "string" and schema.get("format") == "date-time":
        yield from NOT_TIME
    elif kind == "string" and schema.get("format") == "int64":
        yield from NOT_LONG
    elif kind == "string":
        yield from _not_text(schema)
    elif kind in ("integer", "number"):
        yield from NOT_INTEGER
        yield from (schema[bound] + step for bound, step in (("minimum", -1), ("maximum", 1)) if bound in schema)
    elif kind == "boolean":
        yield from NOT_BOOLEAN
    elif kind == "array":
        yield from NOT_LIST
        if "maxItems" in schema:
            yield [_any_of(described, schema["items"], n) for n in range(schema["maxItems"] + 1)]
    elif kind == "object":
        yield from NOT_OBJECT


def _not_text(schema: Json) -> Iterator[Any]:
    yield from NOT_TEXT
    if "maxLength" in schema:
        yield "x" * (schema["maxLength"] + 1)
    if schema.get("minLength"):
        yield ""
    if "pattern" in schema:
        yield next(text for text in _UNMATCHED if not re.search(schema["pattern"], text))
    if "x-reference" in schema:
        yield from (name for name in NOT_A_NAME if name)


def _any_of(described: Described, schema: Json, number: int) -> Any:
    return {} if described.resolved(schema).get("type") == "object" else f"x{number}"


def wrong_parameters(operation: Operation) -> Iterator[tuple[str, str]]:
    """Wrong queries of an operation, encoded, each with the parameter that an error should name."""
    for parameter in operation.parameters:
        name = parameter.name
        yield from ((name, f"{name}={value}") for value in _wrong_texts(parameter.name, parameter.schema))
        if parameter.schema.get("type") != "array":
            yield name, f"{name}=1&{name}=1"
    yield from ((name, f"{name}=1") for name in ("zzz", "pagesize", "$where", "__proto__", "tenant", "access_token"))
    yield "filter[$ne]", "filter[$ne]=x"


def _wrong_texts(name: str, schema: Json) -> Iterator[str]:
    kind = schema.get("type")
    yield from ("%00", "%ff", "%ed%a0%80")
    if kind == "integer":
        yield from ("-1", "1001", str(10**18), "x", "1.5", "true", "1e3", "0x10", "")
    elif kind == "boolean":
        yield from ("maybe", "2", "")
    elif kind == "string":
        yield "x" * (schema.get("maxLength", 12_000) + 1)
        yield from (quote(text) for text in WRONG_TEXTS.get(name, ()))
    elif name == "names":
        yield from (quote(text) for text in NOT_A_NAME)


_DEEP = 900
WRONG_TEXTS = {
    "pageToken": ("x", "AAAA", "e30", "W1tdXQ", "!!!", "-" * 100, "eyIkbmUiOm51bGx9", "é"),
    "filter": (
        *("(", ")", "name =", "= 1", "zzz = 1", 'tenant = "x"', "_version > 0", "$where = 1", "name = $ne", '"'),
        *("create_time > 1", 'create_time > "soon"', 'name : {"$ne": null}', "AND", "NOT", "a.b.c.d.e = 1", "\\"),
        *("(" * _DEEP + "name = 1" + ")" * _DEEP, "NOT " * _DEEP + "name = 1", "name.$gt = 1", "f(x)", "name = 1 OR"),
    ),
    "orderBy": ("zzz", "name sideways", "$natural", "name,", ",", "name desc desc", "_id", "tenant", "name;drop", "-1"),
}
