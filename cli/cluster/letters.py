"""Mails in memory: the newest ones, up to so many and so many bytes."""

from __future__ import annotations

import datetime
import email
import email.policy
import itertools
from collections import deque
from dataclasses import dataclass
from email.message import EmailMessage

from cli.local.mailbox import RECIPIENTS


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it came; `id` counts from 1 since the mailbox's start."""

    id: int
    time: datetime.datetime
    content: bytes

    def summary(self) -> dict[str, object]:
        """What a list shows of it; an unreadable head gives empty texts."""
        mail = self.message()
        return {
            "id": self.id,
            "time": self.time.isoformat(timespec="milliseconds"),
            "from": _header(mail, "From"),
            "to": _header(mail, RECIPIENTS),
            "subject": _header(mail, "Subject"),
            "bytes": len(self.content),
        }

    def text(self) -> str:
        """The mail's plain text; where it has only HTML, that as it stands in the mail."""
        try:
            body = self.message().get_body(("plain", "html"))
            return str(body.get_content()) if body is not None else ""
        except (LookupError, ValueError):  # an unknown character set, a broken encoding
            return self.content.decode("utf-8", "replace")

    def message(self) -> EmailMessage:
        """The parsed mail."""
        return email.message_from_bytes(self.content, policy=email.policy.default)


class Letters:
    """Keeps what comes; the oldest make room."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._kept: deque[Letter] = deque()
        self._bytes = 0
        self._numbers = itertools.count(1)

    def keep(self, content: bytes) -> None:
        """Keeps one more mail."""
        self._kept.append(Letter(next(self._numbers), datetime.datetime.now(datetime.UTC), content))
        self._bytes += len(content)
        while len(self._kept) > self._most or self._bytes > self._most_bytes:
            self._bytes -= len(self._kept.popleft().content)

    def newest_first(self) -> list[Letter]:
        """All that are kept."""
        return list(reversed(self._kept))

    def find(self, identifier: int) -> Letter | None:
        """The mail of that number, None if it is not kept (any more)."""
        return next((letter for letter in self._kept if letter.id == identifier), None)


def _header(mail: EmailMessage, name: str) -> str:
    try:
        return str(mail[name] or "")
    except (ValueError, IndexError, AttributeError):  # what the standard parser raises over malformed addresses
        return ""
