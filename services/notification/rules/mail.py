"""A notification as an RFC 5322 mail that no value can smuggle a header into."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from services.notification.rules.wording import one_line


class Unsendable(ValueError):
    """The mail cannot be written at all: an address is none."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail is made of; `identifier` is the delivery's id, `record` the name of what it is about."""

    identifier: str
    name: str
    address: str
    subject: str
    body: str
    record: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail ready to be sent: the envelope and the bytes. `international` asks the server for SMTPUTF8 (RFC 6531)."""

    sender: str
    recipient: str
    message_id: str
    international: bool
    content: bytes


def message_id(identifier: str, sender: str) -> str:
    """The Message-ID of a delivery: always the same, so that a receiver can drop the second copy of a mail."""
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    return f"<{identifier}@{domain}>"


def compose(letter: Letter, sender: str, now: datetime.datetime) -> Mail:
    """The mail of a letter, from `sender` (`Kith <kith@example.org>` or an address alone).

    Raises:
        Unsendable: an address is not one that mail can be sent to.
    """
    international = not letter.address.isascii() or not sender.isascii()
    message = EmailMessage(policy=policy.SMTPUTF8 if international else policy.SMTP)
    try:
        origin = _address(*parseaddr(sender))
        message["From"] = origin
        message["To"] = _address(letter.name, letter.address)
        message["Subject"] = one_line(letter.subject)
        message["Date"] = format_datetime(now)
        message["Message-ID"] = message_id(letter.identifier, sender)
        # RFC 3834: nobody's absence is to be announced to a machine.
        message["Auto-Submitted"] = "auto-generated"
        if letter.record:
            message["X-Kith-Record"] = letter.record
        message.set_content(letter.body)
        content = message.as_bytes()
    except (ValueError, IndexError, MessageError) as error:
        raise Unsendable(f"the mail cannot be written: {type(error).__name__}") from error
    return Mail(origin.addr_spec, letter.address, message["Message-ID"], international, content)


def _address(name: str, address: str) -> Address:
    """Raises ValueError when it is none; the name may be anything."""
    if not address.isprintable() or not _ADDRESS.fullmatch(address):
        raise ValueError("no address")
    username, _, domain = address.partition("@")
    return Address(one_line(name)[:100], username=username, domain=domain)


# Plain addresses in any script (RFC 6531); quoted local parts, which nobody uses, and comments are left out.
_ADDRESS = re.compile(r"[^\s@<>()\[\]\\,;:\"]+@[^\s@<>()\[\]\\,;:\"]+")
