"""One spelling for what people take for the same letter: case, accents, widths, digits and alphabets' habits.

Folding goes letter by letter from left to right, so that the fold of a word's beginning is the beginning of its fold.
That is what makes search by prefix right while somebody is still typing.
"""

import unicodedata

MAX_CACHED_LETTERS = 20_000


def fold(text: str) -> str:
    """Lower case without accents, letter by letter: `Müller` → `muller`, `IŞIK` → `isik`, `مدرسة` → `مدرسه`."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).translate(_PLAIN)


def fold_spelled(text: str) -> str:
    """As `fold`, with umlauts and Nordic letters written out: `Müller` → `mueller`, `Åse` → `aase`."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).translate(_SPELLED)


def is_run(character: str) -> bool:
    """Whether the letter belongs to a script that is written without spaces between words (Korean counts too)."""
    code = ord(character)
    return code >= _FIRST_RUN and any(low <= code <= high for low, high in RUN_RANGES)


# Thai to Khmer, Hangul jamo, kana, Han and its extensions, Hangul syllables.
RUN_RANGES = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1100, 0x11FF),
    (0x1780, 0x17FF),
    (0x3005, 0x3007),
    (0x3040, 0x312F),
    (0x3130, 0x318F),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7AF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_FIRST_RUN = RUN_RANGES[0][0]

# Combining marks that a reader may leave out: Latin, Greek and Cyrillic accents, Hebrew points, Arabic vowels.
_MARKS = (
    (0x0300, 0x036F),
    (0x0591, 0x05BD),
    (0x05BF, 0x05BF),
    (0x05C1, 0x05C7),
    (0x0610, 0x061A),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06ED),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x200B, 0x200F),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
)

# What neither case folding nor decomposition makes alike.
_ALIKE = {
    "İ": "i", "I": "i", "ı": "i",
    "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ŧ": "t", "ŋ": "n", "ə": "a",
    "ٱ": "ا", "ى": "ي", "ی": "ي", "ې": "ي", "ک": "ك", "ة": "ه", "ۀ": "ه", "ە": "ه", "ہ": "ه", "ء": "", "ـ": "",
    "’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "_": " ", "\u00ad": "",
}  # fmt: skip

_SPELLED_OUT = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"}


class _Letters(dict[int, str]):
    """Letter → its fold, worked out when it is first seen; bounded, since anybody may send any letter."""

    def __init__(self, first: dict[str, str]) -> None:
        super().__init__()
        self._first = first

    def __missing__(self, code: int) -> str:
        folded = self._fold(chr(code))
        if len(self) < MAX_CACHED_LETTERS:
            self[code] = folded
        return folded

    def _fold(self, letter: str) -> str:
        if letter in _ALIKE and letter not in self._first:
            return _ALIKE[letter]
        lower = letter.casefold()
        if lower in self._first:
            return self._first[lower]
        bare = "".join(_bare(part) for part in unicodedata.normalize("NFD", lower))
        return unicodedata.normalize("NFC", bare)


def _bare(part: str) -> str:
    if any(low <= ord(part) <= high for low, high in _MARKS):
        return ""
    if part in _ALIKE:
        return _ALIKE[part]
    if 0x30A1 <= ord(part) <= 0x30F6:
        return chr(ord(part) - 0x60)  # katakana as hiragana
    return str(unicodedata.digit(part)) if part.isdigit() else part


_PLAIN = _Letters({})
_SPELLED = _Letters(_SPELLED_OUT)
