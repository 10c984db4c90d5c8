"""What a search asks the database: every word by prefix, entered through the rarer of its indexes."""

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any, NamedTuple

from bson.regex import Regex

from services.chassis.errors import InvalidArgument
from services.chassis.resources.search.fold import fold, is_run
from services.chassis.resources.search.words import (
    BEGINNING,
    MAX_WORD,
    beginning,
    shorten,
    spellings,
    without_article,
)

MAX_CHARACTERS = 500
MAX_WORDS = 12

INDEXES = {
    "words": [("tenant", 1), ("_words", 1)],
    "pairs": [("tenant", 1), ("_pairs", 1)],
}
"""The two indexes of every searchable collection by their names, which the hints use."""

Query = dict[str, Any]
Spellings = tuple[str, ...]


class Search(NamedTuple):
    """A condition and the index to enter by; `broad` tells that it may well hold for a tenth of all documents."""

    condition: Query
    hint: str | None
    broad: bool = False


def query_of(text: str) -> Search:
    """What `q` asks: the hint is "words" or "pairs", or None where there is nothing to search.

    Raises InvalidArgument on `q` beyond 500 characters or 12 words.
    """
    if not text or text.isspace():
        return Search({}, None)
    if len(text) > MAX_CHARACTERS:
        raise InvalidArgument.of("q", f"has {len(text):,} characters; at most {MAX_CHARACTERS} are searched for")
    words = _words(text)
    if len(words) > MAX_WORDS:
        raise InvalidArgument.of("q", f"has {len(words)} words; at most {MAX_WORDS} are searched for")
    if not words:
        return Search({"_words": {"$in": []}}, "words")
    words.sort(key=_rarity, reverse=True)
    pair = _pair(words)
    if pair:
        return Search({"$and": [{"_pairs": {"$in": pair}}, *map(_has, words)]}, "pairs")
    rarest, *others = words
    entry: Query = {"_words": {"$elemMatch": {"$in": _begins(rarest)}}}
    return Search({"$and": [entry, *map(_has, others)]} if others else entry, "words", _rarity(rarest) < BEGINNING)


def _rarity(word: Spellings) -> int:
    """A guess at how few documents have the word.

    Of several conditions on one list MongoDB enters the index by one, and never compares them: it takes an
    `$elemMatch` before anything else. So we say which (`test_a_search_enters_by_its_rarest_word`).
    """
    return min(len(spelling) * (3 if is_run(spelling[0]) else 1) for spelling in word)


def _words(text: str) -> list[Spellings]:
    """The words of a query, each with the spellings of which one must begin a word of the document."""
    words: list[Spellings] = []
    for chunk in (_WEB.sub("", chunk, count=1) for chunk in text.split()):
        address = fold(chunk)
        if "@" in address[:-1]:
            words.append((address.strip("@<>,;\"'()")[:MAX_WORD],))
        else:
            words += _chunk(chunk, address)
    if len(words) > 1 and _PHONE.fullmatch(text):
        joined = "".join(word[0] for word in words).lstrip("0")
        words = [(*word, joined[:MAX_WORD]) for word in words] if joined else words
    return list(dict.fromkeys(_fewest(word) for word in words))


def _chunk(chunk: str, folded: str) -> list[Spellings]:
    """`example.com` asks for two words, of which the second may also be found by the whole."""
    words: list[Spellings] = []
    for plain, spelled in spellings(chunk):
        words.append(_spellings(plain, spelled))
    if len(words) > 1 and _DOTTED.fullmatch(folded):
        ends = [match.end() for match in _LABEL.finditer(folded)]
        if len(ends) == len(words):
            words[1:] = [(*word, folded[:end][:MAX_WORD]) for word, end in zip(words[1:], ends[1:], strict=True)]
    return words


def _spellings(plain: str, spelled: str) -> Spellings:
    found = [plain.replace("'", ""), spelled.replace("'", "")]
    if plain[0] == "0":
        found.append(plain.lstrip("0") or "0")
    if len(plain) > BEGINNING + 1:
        found += [without_article(plain), shorten(found[0])]
    return tuple(word[:MAX_WORD] for word in found)


def _fewest(word: Spellings) -> Spellings:
    """Without spellings that begin with another: that one finds what they find."""
    return tuple(sorted(one for one in set(word) if not any(one != other and one.startswith(other) for other in word)))


def _has(word: Spellings) -> Query:
    return {"_words": {"$in": _begins(word)}}


def _begins(word: Spellings) -> list[Regex[str]]:
    """Anchored and escaped: MongoDB reads them as ranges of the index, and no letter of the user is ever syntax."""
    return [Regex(f"^{re.escape(spelling)}") for spelling in word]


def _pair(words: list[Spellings]) -> list[str | Regex[str]]:
    """What `_pairs` must hold for the two rarest words that make one, in any spelling; the second may be short."""
    letters = [word for word in words if all(map(beginning, word))]
    for first, second in combinations(letters, 2):
        heads = {beginning(spelling) for spelling in first}
        tails = {beginning(spelling) for spelling in second}
        if min(map(len, heads)) < BEGINNING or any(head.startswith(tail) for head in heads for tail in tails):
            continue  # too short to enter by, or one word of a document may be both
        return [*_pairings(heads, tails)]
    return []


def _pairings(heads: set[str], tails: set[str]) -> Iterator[str | Regex[str]]:
    for head in sorted(heads):
        yield f"{head} *"
        yield from (_paired(head, tail) for tail in sorted(tails))
    yield from (_paired("*", tail) for tail in sorted(tails))


def _paired(head: str, tail: str) -> str | Regex[str]:
    pair = f"{head} {tail}"
    return pair if len(tail) == BEGINNING else Regex(f"^{re.escape(pair)}")


_PHONE = re.compile(r"\s*\+?[\d(][\d\s()./\-–]{5,60}")
_WEB = re.compile(r"^(?:https?://(?:www\.)?|www\.)", re.IGNORECASE)
_LABEL = re.compile(r"[^.]+")
_DOTTED = re.compile(r"[\w-]+(?:\.[\w-]+)+")
