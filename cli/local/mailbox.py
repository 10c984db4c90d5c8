"""A development mailbox: an SMTP server that keeps each mail as a file instead of sending it on.

`python -m cli.local.mailbox FOLDER` listens on KITH_LISTEN (host:port). A file is named after the time of its
arrival (nanoseconds since the epoch), so that the names sort; the envelope stands in the headers X-Envelope-From and
X-Envelope-To.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Protocol

from aiosmtpd.smtp import SMTP

from cli.local.files import write_atomically
from cli.local.ports import HOST
from cli.local.unit import Unit

LARGEST_MAIL_BYTES = 50_000_000


def unit(home: Path, port: int) -> Unit:
    """The mailbox as a process of the platform; mails are `home/mail/*.eml`."""
    return Unit(
        name="mailbox",
        command=(sys.executable, "-m", "cli.local.mailbox", str(folder(home))),
        address=f"smtp://{HOST}:{port}",
        environment={"KITH_LISTEN": f"{HOST}:{port}"},
        server=True,
    )


def folder(home: Path) -> Path:
    return home / "mail"


class Envelope(Protocol):
    """What aiosmtpd hands over of a mail."""

    mail_from: str
    rcpt_tos: list[str]
    content: bytes


class Mailbox:
    """aiosmtpd's handler: a mail is acknowledged once it is on the disk."""

    def __init__(self, mails: Path) -> None:
        self._mails = mails

    async def handle_DATA(self, server: object, session: object, envelope: Envelope) -> str:
        sent = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n"
        write_atomically(self._mails / f"{time.time_ns()}.eml", sent.encode() + envelope.content)
        return "250 Kept"


async def serve(mails: Path, listen: str) -> None:
    """Serves until SIGTERM or SIGINT."""
    mails.mkdir(parents=True, exist_ok=True)
    host, _, port = listen.rpartition(":")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            Mailbox(mails),
            hostname="mailbox.localhost",
            enable_SMTPUTF8=True,
            data_size_limit=LARGEST_MAIL_BYTES,
        ),
        host,
        int(port),
    )
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with server:
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), os.environ["KITH_LISTEN"]))
