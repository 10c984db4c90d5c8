"""What a password must be (NIST SP 800-63B: long, no composition rules, nothing that is guessed first)."""

from __future__ import annotations

import unicodedata

MIN_CHARACTERS = 12
MAX_CHARACTERS = 1024
MIN_DISTINCT = 5

_GUESSED_FIRST = (
    "password",
    "passwort",
    "qwerty",
    "letmein",
    "welcome",
    "iloveyou",
    "administrator",
    "changeme",
    "123456",
    "abcdef",
)


def normalized(password: str) -> str:
    """The same password however a keyboard composed its letters (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def fault(password: str, email: str) -> str:
    """What is wrong with a new password, as advice; empty when it will do."""
    password = normalized(password)
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        return f"take {MIN_CHARACTERS} to {MAX_CHARACTERS} characters"
    if len(set(password)) < MIN_DISTINCT:
        return f"take at least {MIN_DISTINCT} different characters"
    if _remainder(password.casefold(), email.casefold()) < MIN_CHARACTERS // 2:
        return "take something that is not guessed first: it is little more than a common word or your address"
    return ""


def _remainder(password: str, email: str) -> int:
    """How many characters are left when the obvious is taken away."""
    for word in (email, email.partition("@")[0], *_GUESSED_FIRST):
        if len(word) > 3:
            password = password.replace(word, "")
    return len(password)
