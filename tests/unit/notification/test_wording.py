"""Which words are chosen, and what a mail is made of."""

from __future__ import annotations

import datetime
import email
import email.policy

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from kith.notification.v1.template_pb2 import Template

from services.notification.rules import language, wording
from services.notification.rules.mail import Letter, Unsendable, compose
from services.notification.rules.occasions import OCCASIONS
from services.notification.smtp import Server

NOW = datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.UTC)


def _template(locale: str, seconds: int = 1) -> Template:
    return Template(subject=locale or "any", locale=locale, update_time=Timestamp(seconds=seconds))


def test_the_nearest_language_wins_then_the_newest() -> None:
    templates = [_template(""), _template("da", 1), _template("da", 2), _template("de"), _template("da-DK")]
    assert wording.best(templates, "da-DK") is templates[4]
    assert wording.best(templates, "DA-GL") is templates[2]
    assert wording.best(templates, "en") is templates[0]
    assert wording.best(templates[1:], "en") is None


@pytest.mark.parametrize("event", OCCASIONS)
def test_every_built_in_text_can_be_written_about_an_empty_record(event: str) -> None:
    subject, body = wording.written(OCCASIONS[event], {"record": {}, "recipient": {}, "link": ""})
    assert subject
    assert body


def test_a_subject_that_comes_out_empty_is_an_error() -> None:
    with pytest.raises(language.TemplateError):
        wording.written(Template(subject="{{ nothing }}", body="x"), {})


@given(st.text(), st.text(), st.text(), st.text())
def test_no_text_makes_a_second_header_or_an_unreadable_mail(name: str, subject: str, body: str, record: str) -> None:
    letter = Letter("1", name, "ada@example.org", subject, body, record)
    try:
        mail = compose(letter, "Kith <kith@example.org>", NOW)
    except Unsendable:
        assert any(character in record for character in "\r\n") or not (name + subject + body + record).isprintable()
        return
    message = email.message_from_bytes(mail.content, policy=email.policy.default)
    expected = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"}
    assert set(message.keys()) - {"X-Kith-Record", "Content-Type", "Content-Transfer-Encoding"} == expected
    assert [address.addr_spec for address in message["To"].addresses] == ["ada@example.org"]


@pytest.mark.parametrize(
    "address", ["", "ada", "@b", "a@", "a@b\r\nRCPT TO:<x@y>", "a@b,c@d", "<a@b>", "a b@c", "a@b>x", "a\x00@b"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(Unsendable):
        compose(Letter("1", "Ada", address, "s", "b", ""), "kith@example.org", NOW)


def test_a_server_is_read_from_its_uri() -> None:
    assert Server.parse("smtp://127.0.0.1:2525") == Server("127.0.0.1", 2525)
    assert Server.parse("smtp+starttls://a%40b:p%2Fw@mail") == Server("mail", 587, "starttls", "a@b", "p/w")
    assert Server.parse("smtps://mail") == Server("mail", 465, "tls")
