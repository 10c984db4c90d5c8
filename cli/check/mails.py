"""The mails that arrived at an SMTP server which keeps them: `kith mailbox`, or a folder of files."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterable
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

import httpx


class Mailbox(Protocol):
    """Where mails arrive."""

    def received(self) -> Iterable[EmailMessage]:
        """All mails that are there."""


class Folder:
    """A folder with a file for each mail."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def received(self) -> Iterable[EmailMessage]:
        return [_parsed(file.read_bytes()) for file in sorted(self._path.rglob("*.eml"))]


class Web:
    """A `kith mailbox` by its HTTP address; each mail is fetched once."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=10)
        self._fetched: dict[int, EmailMessage] = {}

    def received(self) -> Iterable[EmailMessage]:
        listed = self._http.get("/mails").raise_for_status().json()["mails"]
        for identifier in sorted(mail["id"] for mail in listed):
            if identifier not in self._fetched:
                file = self._http.get(f"/mails/{identifier}.eml").raise_for_status()
                self._fetched[identifier] = _parsed(file.content)
        return list(self._fetched.values())


def mailbox(place: str) -> Mailbox:
    """The mailbox at a URL or in a folder."""
    return Web(place) if place.startswith(("http://", "https://")) else Folder(Path(place))


def about(where: Mailbox, text: str) -> list[EmailMessage]:
    """The mails whose subject or body speaks of something."""
    return [mail for mail in where.received() if text in (mail["Subject"] or "") or text in _text(mail)]


def _parsed(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain", "html"))
    return str(body.get_content()) if body is not None else ""
