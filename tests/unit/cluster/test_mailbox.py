from __future__ import annotations

import smtplib
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from cli.cluster.letters import Letters
from cli.local.platform import Platform
from cli.local.ports import HOST, Ports
from cli.local.unit import Unit
from tests.unit.cli.standins import planned

KEPT = 3


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """A running mailbox that keeps three mails: its SMTP port and its web address."""
    home = tmp_path_factory.mktemp("mailbox")
    ports = Ports(home / "ports.json")
    smtp, http = ports.take("smtp"), ports.take("http")
    code = "from cli.cluster.mailbox import mailbox; mailbox()"
    options = ("--smtp", f"{HOST}:{smtp}", "--http", f"{HOST}:{http}", "--keep", str(KEPT), "--largest-megabytes", "1")
    unit = Unit(
        name="mailbox",
        command=(sys.executable, "-c", code, *options),
        address=f"http://{HOST}:{http}/livez",
        server=True,
    )
    with Platform(home, planned=planned(unit), services=False):
        yield smtp, f"http://{HOST}:{http}"


def send(port: int, subject: str, *, html: str = "", text: str = "Şirket 公司\n") -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = subject, "kith@example.com", "ada@example.com"
    mail.set_content(html or text, subtype="html" if html else "plain")
    with smtplib.SMTP(HOST, port, timeout=10) as client:
        client.send_message(mail)


def test_a_mail_is_listed_read_and_downloaded(ports: tuple[int, str]) -> None:
    smtp, web = ports
    send(smtp, "Grüße")
    newest = httpx.get(f"{web}/mails").json()["mails"][0]
    assert (newest["subject"], newest["to"], newest["from"]) == ("Grüße", "ada@example.com", "kith@example.com")
    assert "公司" in httpx.get(f"{web}/mails/{newest['id']}").text
    file = httpx.get(f"{web}/mails/{newest['id']}.eml")
    assert file.headers["content-type"] == "message/rfc822"
    assert len(file.content) == newest["bytes"]
    assert "Grüße" in httpx.get(web).text


def test_what_a_stranger_wrote_is_shown_as_text_and_never_as_html(ports: tuple[int, str]) -> None:
    smtp, web = ports
    send(smtp, "<script>alert(1)</script>", html="<img src=x onerror=alert(2)>")
    identifier = httpx.get(f"{web}/mails").json()["mails"][0]["id"]
    for page in (httpx.get(web), httpx.get(f"{web}/mails/{identifier}")):
        assert "&lt;script&gt;" in page.text
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]


def test_the_oldest_mails_make_room(ports: tuple[int, str]) -> None:
    smtp, web = ports
    for number in range(KEPT + 2):
        send(smtp, f"number {number}")
    subjects = [mail["subject"] for mail in httpx.get(f"{web}/mails").json()["mails"]]
    assert subjects == ["number 4", "number 3", "number 2"]
    assert httpx.get(f"{web}/mails/1").status_code == 404


def test_a_mail_that_is_too_large_is_refused(ports: tuple[int, str]) -> None:
    with pytest.raises(smtplib.SMTPResponseException, match="552"):
        send(ports[0], "large", text="x" * 70 + "\n" + ("y" * 70 + "\n") * 20_000)


def test_the_bytes_that_are_kept_are_bounded_too() -> None:
    letters = Letters(most=100, most_bytes=1000)
    for _ in range(20):
        letters.keep(b"Subject: x\r\n\r\n" + b"y" * 300)
    assert [letter.id for letter in letters.newest_first()] == [20, 19, 18]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe no head at all",
        b"Subject: =?utf-8?b?//8=?=\r\nContent-Type: text/plain; charset=no-such\r\n\r\n\xff",
        b"From: <<>>, a@b <c\r\nContent-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n$$$",
    ],
)
def test_a_malformed_mail_is_listed_and_shown_all_the_same(content: bytes, tmp_path: Path) -> None:
    letters = Letters(most=1, most_bytes=1000)
    letters.keep(content)
    (letter,) = letters.newest_first()
    assert set(letter.summary()) == {"id", "time", "from", "to", "subject", "bytes"}
    assert isinstance(letter.text(), str)
