"""What a document stores for search: the words of its searchable fields, and pairs of their beginnings."""

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import permutations

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from services.chassis.resources.schema import RecordType
from services.chassis.resources.search.fold import fold, is_run
from services.chassis.resources.search.words import (
    MAX_WORD,
    beginning,
    cut,
    shorten,
    spellings,
    without_article,
)

MAX_TEXT = 4_000
"""Characters of one text that are searched; a longer text is found by its first ones."""

MAX_WORDS = 300
"""Words of one document; further ones are not found."""

MAX_PAIRED = 12
"""Beginnings that are paired with each other; each further one stands in pairs with anything, `abc *` and `* abc`."""

MAX_RUN = 24
"""Letters of a run (Chinese, Japanese, Korean, Thai …) at which a search may begin."""

RUN_WORD = 12
"""Letters of such a word that are stored."""


def words_of(record_type: RecordType, message: Message) -> tuple[list[str], list[str]]:
    """The document's `_words` and `_pairs`, each sorted and without repetition."""
    words: dict[str, None] = {}
    for text in _reader(record_type)(message):
        _add_text(text, words)
        if len(words) > MAX_WORDS:
            words = dict.fromkeys(list(words)[:MAX_WORDS])
            break
    return sorted(words), _pairs(words)


def _pairs(words: dict[str, None]) -> list[str]:
    """Both ways round: a second word that is still being typed is a range behind the first one."""
    beginnings = list(dict.fromkeys(start for start in map(beginning, words) if start))
    core, rest = sorted(beginnings[:MAX_PAIRED]), beginnings[MAX_PAIRED:]
    pairs = [f"{first} {second}" for first, second in permutations(core, 2)]
    if rest:
        pairs += [f"{start} *" for start in rest]
        pairs += [f"* {start}" for start in rest]
        pairs.sort()
    return pairs


def _add_text(text: str, words: dict[str, None]) -> None:
    text = text[:MAX_TEXT]
    if "@" in text:
        text = _ADDRESS.sub(lambda match: _add_address(match, words), text)
    if _PHONE.fullmatch(text):
        _add_phone(text, words)
        return
    if "." in text:
        text = _DOMAIN.sub(lambda match: _add_domain(match, words), text)
    _add_words(text, words)


def _add_words(text: str, words: dict[str, None]) -> None:
    if text.isascii():
        for word in cut(text.lower()):
            _add_word(word, words)
        return
    for plain, spelled in spellings(text):
        if is_run(plain[0]):
            for at in range(min(len(plain), MAX_RUN)):
                words[plain[at : at + RUN_WORD]] = None
            continue
        _add_word(plain, words)
        if spelled != plain:
            _add_word(spelled, words)
        words[without_article(plain)[:MAX_WORD]] = None


def _add_word(word: str, words: dict[str, None]) -> None:
    """The word, and how else it may be searched for; a spelling that begins the word itself is found anyway."""
    if "'" in word:
        for part in word.split("'")[1:]:
            words[part[:MAX_WORD]] = None
        word = word.replace("'", "")
    words[word[:MAX_WORD]] = None
    if word[0] == "0":
        words[word.lstrip("0")[:MAX_WORD] or "0"] = None
    short = shorten(word)
    if short != word and not word.startswith(short):
        words[short[:MAX_WORD]] = None


def _add_address(match: re.Match[str], words: dict[str, None]) -> str:
    """An e-mail address is found by itself, by the words of its local part and by its domain."""
    address = fold(match.group())
    local, _, domain = address.rpartition("@")
    words[address[:MAX_WORD]] = None
    for word in cut(local)[1:]:
        _add_word(word, words)
    _add_labels(domain, words)
    return " "


def _add_domain(match: re.Match[str], words: dict[str, None]) -> str:
    """`www.shop.example.com` is found by each of its names; as ordinary text (`St.Gallen`) by each of its words."""
    domain = fold(match[1])
    domain = domain.removeprefix("www.")
    _add_labels(domain, words)
    return " " if domain.rpartition(".")[2] in _TOP_LEVEL else match.group()


def _add_labels(domain: str, words: dict[str, None]) -> None:
    words[domain[:MAX_WORD]] = None
    if domain.count(".") > 1:
        words[domain.partition(".")[2][:MAX_WORD]] = None
    if "-" in domain:
        for word in cut(domain.partition(".")[0])[1:]:
            words[word[:MAX_WORD]] = None


def _add_phone(text: str, words: dict[str, None]) -> None:
    """A number is found whole, without its country code (one to three digits), and by its last seven and four."""
    digits = _NO_DIGIT.sub("", fold(text.replace("(0)", ""))).lstrip("0")[:MAX_WORD]
    for start in (0, 1, 2, 3, -7, -4):
        part = digits[start:].lstrip("0")
        if len(part) >= 4:
            words[part] = None


@lru_cache(maxsize=256)
def _reader(record_type: RecordType) -> Callable[[Message], list[str]]:
    """A function that collects the searchable texts of a message; source that is compiled once, as the codec's is."""
    lines = ["def read(m0):", " texts = []"]
    for field in record_type.searchable:
        lines += _lines(record_type.descriptor, field.path.split("."))
    lines.append(" return texts")
    names: dict[str, Callable[[Message], list[str]]] = {}
    exec(compile("\n".join(lines), f"<search {record_type.type}>", "exec"), names)
    return names["read"]


def _lines(descriptor: Descriptor | None, steps: list[str]) -> list[str]:
    """Nested loops over repeated steps; singular messages that are not set read as empty."""
    lines: list[str] = []
    value, depth = "m0", 1
    for step in steps:
        assert descriptor is not None, steps
        field = descriptor.fields_by_name[step]
        value = f"{value}.{step}"
        if field.is_repeated:
            lines.append(f"{' ' * depth}for m{depth} in {value}:")
            value, depth = f"m{depth}", depth + 1
        descriptor = field.message_type
    return [*lines, f"{' ' * depth}v = {value}", f"{' ' * depth}if v: texts.append(v)"]


# Each begins only where a word may begin and has one way to go on: linear, however odd the text.
_ADDRESS = re.compile(r"(?<![^\s@<>()\[\],;:\"|*\\])[^\s@<>()\[\],;:\"|*\\]+@[^\s@<>()\[\],;:\"|*\\/]+")
_DOMAIN = re.compile(r"(?<![\w.-])(?:https?://)?((?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,})")
_PHONE = re.compile(r"\s*\+?[\d(][\d\s()./\-–]{5,40}")
_NO_DIGIT = re.compile(r"[^0-9]")
_TOP_LEVEL = frozenset(
    [
        "com",
        "org",
        "net",
        "edu",
        "gov",
        "io",
        "co",
        "uk",
        "de",
        "dk",
        "tr",
        "cn",
        "jp",
        "kr",
        "fr",
        "es",
        "nl",
        "se",
        "fi",
        "pl",
        "ru",
        "ae",
        "sa",
        "eg",
        "eu",
        "ch",
        "biz",
    ]
)
