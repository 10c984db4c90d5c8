"""What the chart brings for Prometheus and Grafana, as its tests read it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
FILES = ROOT / "deploy" / "helm" / "kith" / "files"
RUNBOOKS = ROOT / "docs" / "alerts.md"

_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPINGS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_SELECTOR = re.compile(r'([a-zA-Z_:][\w:]*)?\{((?:[^{}"]|"(?:[^"\\]|\\.)*")*)\}')
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")')
_WORD = re.compile(r"[a-zA-Z_:][\w:]*(?!\s*\()\b")
_NUMBER = re.compile(r"\b\d[\d.]*(?:e\d+|[smhdw])?\b")
_OPERATORS = frozenset(("and", "or", "unless", "bool", "offset"))


@dataclass(frozen=True)
class Selector:
    """A metric that a query reads, and the labels that it asks it for."""

    metric: str
    labels: frozenset[str]


def groups() -> list[Mapping[str, Any]]:
    """The groups of rules."""
    found: list[Mapping[str, Any]] = YAML(typ="safe").load(FILES / "alerts.yaml")["groups"]
    return found


def alerts() -> list[Mapping[str, Any]]:
    """All alerting rules."""
    return [rule for group in groups() for rule in group["rules"] if "alert" in rule]


def recorded() -> set[str]:
    """The names of what is recorded."""
    return {rule["record"] for group in groups() for rule in group["rules"] if "record" in rule}


def dashboards() -> dict[str, Any]:
    """All dashboards, by the names of their files."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in (FILES / "dashboards").glob("*.json")}


def queries() -> list[str]:
    """Every query of rules and panels."""
    asked = [rule["expr"] for group in groups() for rule in group["rules"]]
    return [*asked, *(query for board in dashboards().values() for query in _queries(board))]


def selectors(query: str) -> set[Selector]:
    """The metrics that a query reads.

    Several of one regular expression (`{__name__=~"a|b"}`) are told one by one, without the labels that they shall not
    have: what one of them is not to have, the others may not know.
    """
    found = set()
    for name, matchers in _SELECTOR.findall(query):
        asked = {label: (operator, value) for label, operator, value in _MATCHER.findall(matchers)}
        if name:
            found.add(Selector(name, frozenset(asked)))
            continue
        names = asked.pop("__name__")[1].strip('"').split("|")
        wanted = frozenset(label for label, (operator, _) in asked.items() if not operator.startswith("!"))
        found |= {Selector(each, wanted) for each in names}
    return found | {Selector(name, frozenset()) for name in _bare(query)}


def _bare(query: str) -> set[str]:
    """Metrics without braces."""
    rest = _STRINGS.sub("", _SELECTOR.sub("", query))
    rest = _NUMBER.sub("", re.sub(r"\[[^\]]*\]", "", _GROUPINGS.sub("", rest)))
    return {word for word in _WORD.findall(rest) if word not in _OPERATORS}


def _queries(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("expr"), str):
            yield part["expr"]
        for each in part.values():
            yield from _queries(each)
    if isinstance(part, list):
        for each in part:
            yield from _queries(each)
