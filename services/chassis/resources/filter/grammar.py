"""The grammar of filters (AIP-160): text to a tree of comparisons, with every limit checked on the way.

OR binds tighter than AND, as the AIP says: `a=1 AND b=2 OR c=3` is `a=1 AND (b=2 OR c=3)`. Terms side by side
are joined by AND. Functions, bare words and comparisons with other fields are not offered.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from services.chassis.errors import InvalidArgument

MAX_CHARACTERS = 4_000
MAX_COMPARISONS = 50
MAX_NESTING = 20


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator text`; `quoted` tells `"true"` from `true`; `position` counts characters from 1."""

    path: str
    operator: str
    text: str
    quoted: bool
    position: int


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of `part`."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class Every:
    """All of `parts` hold."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of `parts` holds."""

    parts: tuple["Node", ...]


Node = Comparison | Not | Every | Some


def parse(text: str) -> Node:
    """The tree of a filter that is not blank; raises InvalidArgument with the position and the fix."""
    _check_size(text)
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise InvalidArgument.of("filter", _explain(error, text)) from error
    return _Builder().transform(tree)


@lru_cache(maxsize=1)
def _parser() -> Lark:
    """Built at the first filter, not at import: it takes some 20 ms."""
    return Lark(_GRAMMAR, parser="lalr", lexer="contextual", maybe_placeholders=False)


_GRAMMAR = r"""
?start: expression
?expression: sequence (_AND sequence)*          -> every
?sequence: factor+                              -> every
?factor: term (_OR term)*                       -> some
?term: simple | (_NOT | _MINUS) simple          -> negation
?simple: comparison | _OPEN expression _CLOSE
comparison: FIELD OPERATOR (VALUE | STRING)

FIELD: /[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*/
OPERATOR: /<=|>=|!=|=|<|>|:/
STRING: /"(\\[\s\S]|[^"\\])*"|'(\\[\s\S]|[^'\\])*'/
VALUE: /[^\s()"',=<>!:][^\s()"',]*/
_AND.2: /AND(?![\w.])/
_OR.2: /OR(?![\w.])/
_NOT.2: /NOT(?![\w.])/
_MINUS: "-"
_OPEN: "("
_CLOSE: ")"
%ignore /\s+/
"""


class _Builder(Transformer[Token, Node]):
    """From lark's tree to ours; a group of one part is that part."""

    def every(self, parts: list[Node]) -> Node:
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def some(self, parts: list[Node]) -> Node:
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def negation(self, parts: list[Node]) -> Node:
        return Not(parts[0])

    def comparison(self, tokens: list[Token]) -> Node:
        field, operator, value = tokens
        quoted = value.type == "STRING"
        text = value[1:-1] if quoted else str(value)
        return Comparison(str(field), str(operator), text, quoted, (field.start_pos or 0) + 1)


def _check_size(text: str) -> None:
    """Limits first: what is too long or too deep never reaches the parser."""
    if len(text) > MAX_CHARACTERS:
        raise _refused(f"has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read")
    if "\0" in text:
        raise _refused(f"holds a NUL at character {text.index(chr(0)) + 1}; leave it out")
    depth = comparisons = 0
    for match in _STRUCTURE.finditer(text):
        found = match.group()
        depth += (found == "(") - (found == ")")
        comparisons += match.lastgroup == "operator"
        if depth > MAX_NESTING:
            raise _refused(f"nests deeper than {MAX_NESTING} at character {match.start() + 1}")
    if comparisons > MAX_COMPARISONS:
        raise _refused(f"has {comparisons} comparisons; at most {MAX_COMPARISONS} are evaluated")


def _refused(what: str) -> InvalidArgument:
    return InvalidArgument.of("filter", what)


# A comparison is an operator with the value after it: a value may hold ':' and '=' of its own.
_STRUCTURE = re.compile(
    r"""(?P<operator>(?:<=|>=|!=|[=<>:])\s*(?:"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|[^\s()"',]*))"""
    r"""|"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|[()]"""
)


def _explain(error: UnexpectedInput, text: str) -> str:
    """What was wrong where, and what to write instead."""
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        return _at(error.token.start_pos or 0, f"`{_short(error.token)}`", set(error.expected), text)
    if isinstance(error, UnexpectedCharacters):
        position = error.pos_in_stream or 0
        return _at(position, f"`{_short(text[position:])}`", set(error.allowed), text)
    expected = set(getattr(error, "expected", ()))
    return _at(len(text), "the end", expected, text)


def _at(position: int, found: str, expected: set[str], text: str) -> str:
    before = text[:position].rstrip()
    if "OPERATOR" in expected:
        word = before.split()[-1] if before else ""
        fix = f"`{_short(word)}` is a bare word: write field = value; to search for words, use q"
    elif expected & {"VALUE", "STRING"}:
        fix = "a value must follow the operator: a word, a number, or a text in quotes"
    elif found.startswith(("`'", '`"')):
        fix = 'a comparison starts with a field: write field = "text"; is a quote missing or one too many?'
    elif "_CLOSE" in expected and found == "the end":
        fix = "a closing parenthesis is missing"
    elif found.startswith("`)"):
        fix = "there is no parenthesis to close"
    else:
        fix = "a comparison must stand here: field = value"
    return f"unexpected {found} at character {position + 1}: {fix}"


def _short(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:30]}…"
