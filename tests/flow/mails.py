"""The mails that arrived at a real SMTP server."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path


def received(mailbox: str) -> list[EmailMessage]:
    """All mails in the mailbox's folder."""
    found = []
    for path in sorted(Path(mailbox).rglob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        found.append(message)
    return found


def about(mailbox: str, text: str) -> list[EmailMessage]:
    """The mails whose subject or body speaks of something."""
    return [mail for mail in received(mailbox) if text in (mail["Subject"] or "") or text in _text(mail)]


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain", "html"))
    return str(body.get_content()) if body is not None else ""
