from __future__ import annotations

import smtplib
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

from cli.local import mailbox
from cli.local.platform import Platform
from cli.local.ports import Ports
from tests.unit.cli.standins import planned


def test_a_mail_is_a_file_with_its_envelope_once_it_is_acknowledged(tmp_path: Path) -> None:
    unit = mailbox.unit(tmp_path, Ports(tmp_path / "ports.json").take("mailbox"))
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Grüße", "kith@example.com", "ada@example.com"
    mail.set_content("Şirket 公司\n")
    with Platform(tmp_path, planned=planned(unit), services=False):
        address = urlsplit(unit.address)
        with smtplib.SMTP(address.hostname or "", address.port or 0, timeout=5) as client:
            client.send_message(mail, to_addrs=["ada@example.com", "grace@example.com"])
        (kept,) = (tmp_path / "mail").glob("*.eml")
    received = message_from_bytes(kept.read_bytes())
    assert received["X-Envelope-To"] == "ada@example.com, grace@example.com"
    assert received["Subject"] == "=?utf-8?b?R3LDvMOfZQ==?=" or "Gr" in str(received["Subject"])
    body = received.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert "公司" in body.decode()
