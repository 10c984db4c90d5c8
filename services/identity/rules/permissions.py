"""Permissions as sets: what overlaps, what covers what, what goes beyond.

A granted permission is `noun.verb`, where either may be `*`; `*` alone is `*.*`. So each is a rectangle of nouns and
verbs, and two of them always overlap in one rectangle or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_PATTERN = re.compile(r"\*|(\*|[a-z][A-Za-z]*)\.(\*|[a-z][A-Za-z]*)")


def is_valid(permission: str) -> bool:
    """Whether a role may grant it: `contacts.read`, `contacts.*`, `*.read` or `*`."""
    return _PATTERN.fullmatch(permission) is not None


def overlap(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    """What both allow, for example `contacts.read` for `contacts.*` and `*.read`."""
    theirs = tuple(other)
    return union(found for first in one for second in theirs if (found := _meet(first, second)))


def union(permissions: Iterable[str]) -> tuple[str, ...]:
    """The same permissions without those that another one covers, sorted."""
    distinct = {_text(*_parts(permission)) for permission in permissions if is_valid(permission)}
    return tuple(sorted(one for one in distinct if not any(one != other and _covers(other, one) for other in distinct)))


def excess(wanted: Iterable[str], held: Iterable[str]) -> tuple[str, ...]:
    """Those of the wanted permissions that go beyond the held ones, in their order."""
    mine = tuple(held)
    return tuple(one for one in wanted if not any(_covers(other, one) for other in mine))


def _covers(held: str, wanted: str) -> bool:
    noun, verb = _parts(held)
    wanted_noun, wanted_verb = _parts(wanted)
    return noun in ("*", wanted_noun) and verb in ("*", wanted_verb)


def _meet(one: str, other: str) -> str:
    nouns, verbs = zip(_parts(one), _parts(other), strict=True)
    noun, verb = _narrower(*nouns), _narrower(*verbs)
    return _text(noun, verb) if noun and verb else ""


def _narrower(one: str, other: str) -> str:
    if one == "*":
        return other
    return one if other in ("*", one) else ""


def _parts(permission: str) -> tuple[str, str]:
    noun, _, verb = permission.partition(".")
    return noun, verb or "*"


def _text(noun: str, verb: str) -> str:
    return "*" if noun == verb == "*" else f"{noun}.{verb}"
