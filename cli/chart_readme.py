"""`python -m cli.chart_readme`: writes the chart's README from the comments of its values.

A value is documented by the comment lines right above its key, of which the first begins with `# --`; a group of values
by lines without that mark. A line `## Title` begins a section.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cli.running import ROOT

CHART = ROOT / "deploy" / "helm" / "kith"
README = CHART / "README.md"

_TEMPLATE = Path(__file__).with_name("chart_readme.md.liquid")
_MARK = "-- "
_LONGEST_DEFAULT = 120
_TYPES = {bool: "bool", int: "int", float: "float", str: "string", dict: "object", list: "list"}


@dataclass(frozen=True)
class Value:
    """A value, or a group of them, and what it means."""

    path: str
    type: str
    default: str
    text: str


@dataclass
class Section:
    """Values that belong together."""

    title: str
    values: list[Value] = field(default_factory=list)


def readme() -> str:
    """The README's text."""
    import liquid
    import yaml

    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    template = liquid.Environment(autoescape=False).from_string(_TEMPLATE.read_text())
    found = [asdict(section) for section in sections((CHART / "values.yaml").read_text())]
    return template.render(chart=about, sections=found).rstrip() + "\n"


def sections(text: str) -> list[Section]:
    """What the comments of a `values.yaml` say, in its order."""
    lines, found = text.splitlines(), [Section("For all charts at once")]
    titles = [(number, line.removeprefix("## ")) for number, line in enumerate(lines) if line.startswith("## ")]
    for line, path, value in _keys(_loaded(text)):
        while titles and titles[0][0] < line:
            found.append(Section(titles.pop(0)[1]))
        if comment := _comment(lines, line):
            found[-1].values.append(_value(path, value, comment))
    return [section for section in found if section.values]


def undocumented(text: str) -> list[str]:
    """The values about which nothing is said, neither at their key nor at one that holds it."""
    lines, keys = text.splitlines(), list(_keys(_loaded(text)))
    documented = {path for line, path, _ in keys if _comment(lines, line).startswith(_MARK)}
    leaves = (path for _, path, value in keys if not isinstance(value, dict) or not value)
    return [path for path in leaves if not documented.intersection(_above(path))]


def main() -> None:
    """Writes the README."""
    README.write_text(readme())


def _loaded(text: str) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="rt").load(text)


def _keys(mapping: Any, above: str = "", after: int = -1) -> Iterator[tuple[int, str, Any]]:
    """(line, path, value) of every key that has a line of its own, in the order of the file."""
    for key, value in mapping.items():
        line = mapping.lc.key(key)[0]
        if line > after:  # otherwise it stands in braces, or where an alias points to
            yield line, f"{above}{key}", value
            if isinstance(value, dict):
                yield from _keys(value, f"{above}{key}.", line)


def _above(path: str) -> Iterator[str]:
    """The path and those of all maps that hold it."""
    names = path.split(".")
    return (".".join(names[:count]) for count in range(1, len(names) + 1))


def _comment(lines: list[str], line: int) -> str:
    """The comment right above a line, as one paragraph; empty when there is none."""
    said: list[str] = []
    while line and (text := lines[line - 1].strip()).startswith("#") and not text.startswith("## "):
        said.insert(0, text.removeprefix("#").strip())
        line -= 1
    return " ".join(said)


def _value(path: str, value: Any, comment: str) -> Value:
    kind = next((name for known, name in _TYPES.items() if isinstance(value, known)), "any")
    text = comment.removeprefix(_MARK).replace("|", "\\|")
    return Value(path, kind, _default(value) if comment.startswith(_MARK) else "", text)


def _default(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if len(text) <= _LONGEST_DEFAULT else "see `values.yaml`"


if __name__ == "__main__":
    main()
