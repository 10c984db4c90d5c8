"""Words in the letters that host names and mailboxes are made of."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

_EVERYWHERE = {"ı": "i", "ß": "ss", "æ": "ae", "ø": "o", "’": ""}
_BY_LANGUAGE: Mapping[str, Mapping[str, str]] = {
    "da": {"ø": "oe", "å": "aa"},
    "de": {"ä": "ae", "ö": "oe", "ü": "ue"},
}


def latin(text: str, language: str) -> str:
    """In lower case as its speakers write it without marks: `kjaergaard` in Danish, `mueller` in German, `ozturk`."""
    letters = str.maketrans({**_EVERYWHERE, **_BY_LANGUAGE.get(language, {})})
    lowered = text.replace("İ", "i").lower().translate(letters)
    return "".join(letter for letter in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(letter))


def label(text: str, language: str) -> str:
    """As one label of a host name: `kjaergaard-soen`."""
    return re.sub(r"[^a-z0-9]+", "-", latin(text, language)).strip("-")[:40].strip("-")
