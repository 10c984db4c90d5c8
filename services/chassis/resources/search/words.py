"""Words: how texts and queries are cut, and which spellings of a word are worth storing and asking for."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from services.chassis.resources.search.fold import RUN_RANGES, fold, fold_spelled, is_run

MAX_WORD = 64
"""Characters of a word that are stored and compared; the rest of a longer one is ignored on both sides."""

BEGINNING = 3
"""Letters of a word that a pair is made of."""


def cut(folded: str) -> list[str]:
    """The words of a folded text, in order; apostrophes inside stay, scripts without spaces stand alone."""
    if folded.isascii():
        return _ASCII_WORD.findall(folded)
    return [part for word in _word().findall(folded) for part in _RUNS.findall(word)]


def shorten(word: str) -> str:
    """`mueller` → `muller`, `aage` → `age`: German and Danish letters that somebody wrote out, put back."""
    return _WRITTEN_OUT.sub(_first_letter, word)


def without_article(word: str) -> str:
    """`الرشيد` → `رشيد`: the Arabic article is written with its word, but people search without it."""
    return word[2:] if len(word) >= 5 and word.startswith("ال") else word


def spellings(text: str) -> Iterator[tuple[str, str]]:
    """Each word of a text twice: folded, and folded with its umlauts written out (mostly the same)."""
    plain = cut(fold(text))
    spelled = cut(fold_spelled(text)) if not text.isascii() else plain
    # Written out, no letter ever becomes a separator, so the two lists are in step.
    return zip(plain, spelled, strict=True)


def beginning(word: str) -> str:
    """The first letters of a word as pairs use them; "" for numbers and scripts without spaces: they make none."""
    first = word[:1]
    return word[:BEGINNING] if first.isalpha() and not is_run(first) else ""


def _first_letter(match: re.Match[str]) -> str:
    return match.group()[0]


_ASCII_WORD = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")
_WRITTEN_OUT = re.compile("[aou]e|aa")
_RUN_CLASS = "".join(f"{chr(low)}-{chr(high)}" for low, high in RUN_RANGES)
_RUNS = re.compile(f"[{_RUN_CLASS}]+|[^{_RUN_CLASS}]+")


@lru_cache(maxsize=1)
def _word() -> re.Pattern[str]:
    """Letters and digits of any script, with the vowel signs that many scripts write as marks."""
    marks = "".join(
        re.escape(chr(code)) for code in range(0x300, 0x1_2000) if unicodedata.category(chr(code)) in ("Mn", "Mc")
    )
    letter = rf"(?:[^\W_]|[{marks}])"
    return re.compile(rf"{letter}+(?:'{letter}+)*")
