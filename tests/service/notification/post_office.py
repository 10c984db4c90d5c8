"""A real SMTP server in a thread, which can refuse, ask to come back, drop connections, or be closed."""

from __future__ import annotations

import email
import email.policy
import time
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from cli.local.ports import Ports


class PostOffice:
    """Keeps what it takes. `on_rcpt` and `on_data` are replies instead of 250; `delay_seconds` is before a 250."""

    def __init__(self, ports: Ports) -> None:
        self.port = ports.take("smtp")
        self.envelopes: list[Any] = []
        self.on_rcpt = ""
        self.on_data = ""
        self.delay_seconds = 0.0
        self.data_commands = 0
        self._controller: Controller | None = None

    @property
    def uri(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def mails(self) -> list[EmailMessage]:
        policy = email.policy.default
        return [email.message_from_bytes(envelope.content, policy=policy) for envelope in self.envelopes]

    def open(self) -> None:
        office = self

        class Office(Controller):
            def factory(self) -> Any:
                return SMTP(self.handler, enable_SMTPUTF8=True, hostname="office")

        self._controller = Office(office, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def close(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if self.on_rcpt:
            return self.on_rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.data_commands += 1
        if self.on_data:
            return self.on_data
        if self.delay_seconds:
            time.sleep(self.delay_seconds)
        self.envelopes.append(envelope)
        return "250 taken"
