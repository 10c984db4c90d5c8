"""Takes personal data out of text that was not written by us: messages of exceptions and of libraries."""

from __future__ import annotations

import re
from typing import Final

_LONGEST = 300  # characters; a longer text is more likely to quote somebody's data
_MAIL: Final = re.compile(r"[^\s@<>\"'(),:;]+@[^\s@<>\"'(),:;]+")
_QUOTED: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|(?<!\w)'(?:[^'\\]|\\.)*'|“[^”]*”|«[^»]*»")
_NUMBER: Final = re.compile(r"(?<![\w-])\+?\d(?:[ ()/.-]?\d){6,}(?![\w-])")


def mask_addresses(text: str) -> str:
    """The text with every e-mail address replaced by `<mail>`."""
    return _MAIL.sub("<mail>", text) if "@" in text else text


def mask(text: str) -> str:
    """The text without anything quoted, e-mail addresses or telephone-like numbers, cut at 300 characters.

    Drivers quote the values they choke on (`E11000 … dup key: { email: "…" }`), so quotes are emptied.
    """
    text = _QUOTED.sub("'…'", text[: 4 * _LONGEST])
    return _NUMBER.sub("<number>", mask_addresses(text))[:_LONGEST]
