"""The limited language of templates: Liquid without files, with bounded loops, numbers and texts.

A tenant's template runs in our worker, so nothing in it may take long or much memory (decision: python-liquid;
Jinja's sandbox stops neither `"a" * 10**9` nor endless loops). What is not needed is left out, since every tag and
filter is something that must be bounded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from liquid import BoundTemplate, Environment
from liquid.exceptions import LiquidError

MAX_OUTPUT_BYTES = 100_000
MAX_ITERATIONS = 2_000
_MAX_TEXT = 50_000
_MAX_NUMBER_BITS = 128
_MAX_DATE_FORMAT = 100


class TemplateError(ValueError):
    """A template is wrong or asks for too much; the text names the line."""


def check(source: str) -> None:
    """Checks that a template can be read, and rendered when the record says nothing.

    Raises:
        TemplateError: it cannot.
    """
    render(source, {})


def render(source: str, values: Mapping[str, Any]) -> str:
    """The text of a template with these values; unknown names are empty.

    Raises:
        TemplateError: it cannot be read, or goes beyond the limits.
    """
    try:
        return _parsed(source).render(**values)
    except LiquidError as error:
        raise TemplateError(_explained(error, source)) from error
    except RecursionError as error:
        raise TemplateError("is nested too deeply") from error
    except (ValueError, TypeError, ArithmeticError, OverflowError, AttributeError) as error:
        raise TemplateError(f"cannot be rendered: {type(error).__name__}") from error


class _Limited(Environment):
    block_nesting_limit = 20
    context_depth_limit = 20
    loop_iteration_limit = MAX_ITERATIONS
    local_namespace_limit = 2 * MAX_OUTPUT_BYTES
    output_stream_limit = MAX_OUTPUT_BYTES


# fmt: off
_TAGS = frozenset((
    "assign", "break", "capture", "case", "comment", "content", "continue", "for", "if", "illegal", "output",
    "unless",
))
_FILTERS = frozenset((
    "append", "capitalize", "compact", "date", "default", "divided_by", "downcase", "escape", "first", "join",
    "last", "lstrip", "map", "minus", "plus", "prepend", "remove", "replace", "reverse", "round", "rstrip",
    "size", "slice", "sort", "squish", "strip", "strip_newlines", "times", "truncate", "truncatewords",
    "uniq", "upcase", "where",
))
# fmt: on


@functools.cache
def _environment() -> Environment:
    environment = _Limited()
    environment.tags = {name: tag for name, tag in environment.tags.items() if name in _TAGS}
    environment.filters = {
        name: _bounded(name, function) for name, function in environment.filters.items() if name in _FILTERS
    }
    return environment


@functools.lru_cache(maxsize=128)
def _parsed(source: str) -> BoundTemplate:
    return _environment().from_string(source)


def _bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, refusing what would grow beyond the limits before and after it is computed."""

    @functools.wraps(function)  # liquid reads what a filter wants from attributes of the function
    def bounded(*values: Any, **more: Any) -> Any:
        for value in values:
            _refuse_large(value)
        if name in ("replace", "join") and _product(values) > _MAX_TEXT:
            raise LiquidError(f"{name} makes too long a text", token=None)
        if name == "date" and len(str(values[-1])) > _MAX_DATE_FORMAT:
            raise LiquidError("the date format is too long", token=None)
        result = function(*values, **more)
        _refuse_large(result)
        return result

    return bounded


def _refuse_large(value: Any) -> None:
    if isinstance(value, (str, list, tuple, range)) and len(value) > _MAX_TEXT:
        raise LiquidError("a text or list is too long", token=None)
    if isinstance(value, int) and value.bit_length() > _MAX_NUMBER_BITS:
        raise LiquidError("a number is too large", token=None)


def _product(values: tuple[Any, ...]) -> int:
    """At most so many characters can come of replacing in, or joining, the first value with the last one."""
    first, last = values[0], values[-1] if len(values) > 1 else " "
    items = len(first) if isinstance(first, (str, list, tuple, range)) else len(str(first))
    return items * max(1, len(str(last)))


def _explained(error: LiquidError, source: str) -> str:
    """What is wrong, with the line; what is missing at the end is told of the last line."""
    try:
        found = error.context()
    except ValueError:
        found = None
    line = found[0] if found else source.count("\n") + 1
    return f"line {line}: {error.args[0] if error.args else 'cannot be read'}"
