"""A development mailbox: an SMTP server that keeps each mail as a file instead of sending it on.

`python -m cli.local.mailbox FOLDER` listens on KITH_LISTEN (host:port). A file is named after the time of its
arrival (nanoseconds since the epoch), so that the names sort; the envelope stands in the headers X-Envelope-From and
X-Envelope-To. `cli.cluster.mailbox` is the same server for try-outs in a cluster.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from aiosmtpd.smtp import SMTP

from cli.local.files import write_atomically
from cli.local.ports import HOST
from cli.local.unit import Unit

LARGEST_MAIL_BYTES = 50_000_000
SENDER, RECIPIENTS = "X-Envelope-From", "X-Envelope-To"


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
    """aiosmtpd's handler: a mail is acknowledged once `keep` has it, the envelope in its first headers."""

    def __init__(self, keep: Callable[[bytes], None]) -> None:
        self._keep = keep

    async def handle_DATA(self, server: object, session: object, envelope: Envelope) -> str:
        sent = f"{SENDER}: {envelope.mail_from}\r\n{RECIPIENTS}: {', '.join(envelope.rcpt_tos)}\r\n"
        self._keep(sent.encode() + envelope.content)
        return "250 Kept"


async def listen(address: str, keep: Callable[[bytes], None], largest_bytes: int) -> asyncio.Server:
    """An SMTP server at `host:port` (or `[::]:port`) that hands each mail to `keep`, and refuses larger ones."""
    host, _, port = address.rpartition(":")

    def conversation() -> SMTP:
        return SMTP(Mailbox(keep), hostname="mailbox.localhost", enable_SMTPUTF8=True, data_size_limit=largest_bytes)

    return await asyncio.get_running_loop().create_server(conversation, host.strip("[]"), int(port))


async def serve(mails: Path, address: str) -> None:
    """Keeps mails in a folder until SIGTERM or SIGINT."""
    mails.mkdir(parents=True, exist_ok=True)

    def keep(mail: bytes) -> None:
        write_atomically(mails / f"{time.time_ns()}.eml", mail)

    server = await listen(address, keep, LARGEST_MAIL_BYTES)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with server:
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), os.environ["KITH_LISTEN"]))
