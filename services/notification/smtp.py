"""Hands mails to an SMTP server (RFC 5321), in steps, so that a claim can be taken just before the last one."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from services.chassis.settings import SettingError
from services.notification.rules.mail import Mail

TIMEOUT_SECONDS = 30.0
"""So long each step may take: connecting, and every answer of the server."""


class Undelivered(Exception):
    """The server did not take a mail; `status` is its SMTP reply code, 0 without one. Its text is the server's."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


class Refused(Undelivered):
    """The server will never take this mail (5xx to sender, recipient or content)."""


class Deferred(Undelivered):
    """The server is away, or asks to come back (4xx): the same mail may be taken later.

    What it says against us rather than against the mail, such as a wrong password, is of this kind too: the mail
    waits until somebody has mended the settings.
    """


@dataclass(frozen=True, slots=True)
class Server:
    """Where mails are handed in. `security` is plain, starttls or tls."""

    host: str
    port: int
    security: str = "plain"
    user: str = ""
    password: str = ""

    @staticmethod
    def parse(uri: str) -> Server:
        """The server of `smtp://`, `smtp+starttls://` or `smtps://` `[user:password@]host[:port]`.

        Raises:
            SettingError: it is none of these.
        """
        parts = urlsplit(uri)
        try:
            security, port = _SCHEMES[parts.scheme]
            port = parts.port or port
        except (KeyError, ValueError) as error:
            raise SettingError("SMTP_URI is no smtp://, smtp+starttls:// or smtps://host:port") from error
        if not parts.hostname:
            raise SettingError("SMTP_URI names no host: give smtp://host:port")
        return Server(parts.hostname, port, security, unquote(parts.username or ""), unquote(parts.password or ""))


class Conversation:
    """An open, greeted and logged-in connection."""

    def __init__(self, client: smtplib.SMTP) -> None:
        self._client = client

    def announce(self, mail: Mail) -> None:
        """Names sender and recipient. After this, nothing is sent yet.

        Raises:
            Refused, Deferred: the server will not have them.
        """
        options = []
        if mail.international:
            if not self._client.has_extn("smtputf8"):
                raise Refused("the mail server cannot send to international addresses (SMTPUTF8)")
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        with _translated():
            _expect(self._client.mail(mail.sender, options))
            _expect(self._client.rcpt(mail.recipient))

    def hand_over(self, mail: Mail) -> None:
        """Sends the content. When this returns, the server has the mail.

        Raises:
            Refused, Deferred: the server did not take it; after a lost connection it may have it nevertheless.
        """
        with _translated():
            _expect(self._client.data(mail.content))


@contextmanager
def conversation(server: Server) -> Iterator[Conversation]:
    """A connection for one mail.

    Raises:
        Deferred: the server is away, or will not talk to us.
    """
    try:
        client = _connected(server)
    except smtplib.SMTPResponseException as error:
        raise Deferred(_text(error.smtp_error), error.smtp_code) from error
    except (OSError, smtplib.SMTPException) as error:
        raise Deferred(f"the mail server does not answer: {type(error).__name__}") from error
    try:
        yield Conversation(client)
    finally:
        _say_goodbye(client)


def _connected(server: Server) -> smtplib.SMTP:
    name = socket.gethostname()
    client: smtplib.SMTP
    if server.security == "tls":
        secure = ssl.create_default_context()
        client = smtplib.SMTP_SSL(server.host, server.port, name, timeout=TIMEOUT_SECONDS, context=secure)
    else:
        client = smtplib.SMTP(server.host, server.port, name, timeout=TIMEOUT_SECONDS)
    try:
        client.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            client.starttls(context=ssl.create_default_context())
            client.ehlo_or_helo_if_needed()
        if server.user:
            client.login(server.user, server.password)
    except BaseException:
        client.close()
        raise
    return client


def _say_goodbye(client: smtplib.SMTP) -> None:
    """Whether the mail was taken is known already; a server that does not answer now changes nothing."""
    try:
        client.quit()
    except (OSError, smtplib.SMTPException):
        client.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPResponseException as error:
        _expect((error.smtp_code, error.smtp_error))
        raise Deferred(_text(error.smtp_error), error.smtp_code) from error
    except (OSError, smtplib.SMTPException) as error:
        raise Deferred(f"the connection to the mail server was lost: {type(error).__name__}") from error


def _expect(answer: tuple[int, bytes | str]) -> None:
    status, text = answer
    if 500 <= status < 600:
        raise Refused(_text(text), status)
    if not 200 <= status < 300:
        raise Deferred(_text(text), status)


def _text(answer: bytes | str) -> str:
    return answer.decode(errors="replace") if isinstance(answer, bytes) else answer


_SCHEMES = {"smtp": ("plain", 25), "smtp+starttls": ("starttls", 587), "smtps": ("tls", 465)}
