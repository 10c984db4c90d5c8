"""Deliveries over a real SMTP server that is sometimes away, busy or unwilling."""

from __future__ import annotations

import contextlib
import datetime
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kith.notification.v1.delivery_pb2 import DeliveryState
from kith.sales.v1.lead_pb2 import Lead

from services.chassis.telemetry import ProcessSpan, spans
from services.notification import claims
from services.notification.smtp import Deferred
from tests.service.notification.conftest import Desk
from tests.unit.telemetry.conftest import Kept

SENT, FAILED, PENDING = (
    DeliveryState.DELIVERY_STATE_SENT,
    DeliveryState.DELIVERY_STATE_FAILED,
    DeliveryState.DELIVERY_STATE_PENDING,
)


@pytest.fixture
def kept() -> Iterator[Kept]:
    kept = Kept()
    spans.install(kept.tracer)
    yield kept
    spans.install(None)


def _plan(desk: Desk, family_name: str = "Hopper", **user: str) -> Any:
    """A mail that waits; returns its event."""
    owner = desk.user(**user)
    desk.world.create(Lead(family_name=family_name, owner=owner.name))
    desk.hear(desk.world.last)
    return desk.planned()[-1]


def test_a_mail_is_sent_with_all_that_it_needs(desk: Desk) -> None:
    event = _plan(desk)
    desk.hear(event)
    (mail,) = desk.office.mails
    (delivery,) = desk.delivered()
    assert str(mail["To"]) == "Ada Løve <ada@example.org>"
    assert str(mail["From"]) == "Kith <kith@example.org>"
    assert mail["Subject"] == "New lead for you: Hopper"
    assert mail["Message-ID"] == f"<{delivery.name.partition('/')[2]}@example.org>" == delivery.message_id
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Kith-Record"] == desk.notifications()[0].record
    sent = mail["Date"].datetime
    assert abs(sent - datetime.datetime.now(datetime.UTC)) < datetime.timedelta(seconds=10)
    assert "the lead  Hopper is yours now." in mail.get_content()
    assert (delivery.state, delivery.attempt_count, delivery.error) == (SENT, 1, "")
    assert delivery.HasField("send_time")
    assert desk.verbs() == ["created", "sent"]


def test_a_delivery_that_comes_again_is_not_sent_again(desk: Desk) -> None:
    event = _plan(desk)
    desk.hear(event, event)
    assert len(desk.office.mails) == 1


def test_nobody_smuggles_a_header_into_a_mail(desk: Desk) -> None:
    event = _plan(desk, "Hopper\r\nBcc: all@example.org", display_name="Ada\r\nBcc: all@example.org")
    desk.hear(event)
    (envelope,) = desk.office.envelopes
    assert envelope.rcpt_tos == ["ada@example.org"]
    assert desk.office.mails[0]["Bcc"] is None
    assert desk.office.mails[0]["Subject"] == "New lead for you: Hopper Bcc: all@example.org"


def test_while_the_server_is_down_the_mail_waits_and_then_it_is_sent(desk: Desk) -> None:
    event = _plan(desk)
    desk.office.close()
    for attempt in (1, 2):
        with pytest.raises(Deferred):
            desk.hear(event)
        (delivery,) = desk.delivered()
        assert (delivery.state, delivery.attempt_count) == (PENDING, attempt)
        assert "does not answer" in delivery.error
    desk.office.open()
    desk.hear(event)
    assert len(desk.office.mails) == 1
    assert (desk.delivered()[0].state, desk.delivered()[0].error) == (SENT, "")
    assert desk.verbs() == ["created", "deferred", "deferred", "sent"]


@pytest.mark.parametrize("command", ["on_rcpt", "on_data"])
def test_a_server_that_is_busy_is_asked_again_at_once(desk: Desk, command: str) -> None:
    event = _plan(desk)
    setattr(desk.office, command, "451 greylisted, come back")
    with pytest.raises(Deferred):
        desk.hear(event)
    assert desk.delivered()[0].error == "451 greylisted, come back"
    setattr(desk.office, command, "")
    desk.hear(event)
    assert desk.delivered()[0].state == SENT


@pytest.mark.parametrize("command", ["on_rcpt", "on_data"])
def test_a_mail_that_is_refused_has_failed_and_says_why_without_the_address(desk: Desk, command: str) -> None:
    event = _plan(desk)
    setattr(desk.office, command, "550 <ada@example.org> is unknown here")
    desk.hear(event)
    (delivery,) = desk.delivered()
    assert delivery.state == FAILED
    assert delivery.error == "550 <<mail>> is unknown here"
    assert desk.verbs() == ["created", "failed"]
    desk.hear(event)
    assert desk.delivered()[0].attempt_count == 1


def test_an_address_that_is_none_fails(desk: Desk) -> None:
    event = _plan(desk, email="<ada>@exam\nple")
    desk.hear(event)
    assert desk.delivered()[0].state == FAILED
    assert desk.office.envelopes == []


def test_an_international_address_is_sent_to(desk: Desk) -> None:
    event = _plan(desk, email="måns@exämple.org")
    desk.hear(event)
    assert desk.office.envelopes[0].rcpt_tos == ["måns@exämple.org"]


def test_without_a_mail_server_the_delivery_fails_visibly(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(smtp_uri="")
    event = _plan(desk)
    desk.hear(event)
    assert desk.delivered()[0].error == "no mail server is set: give SMTP_URI"


def test_two_workers_with_the_same_delivery_send_one_mail(desk: Desk) -> None:
    event = _plan(desk)
    desk.office.delay_seconds = 0.3

    def work() -> None:
        with contextlib.suppress(claims.Claimed):
            desk.hear(event)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(desk.office.mails) == 1
    assert desk.delivered()[0].state == SENT


def test_what_a_dead_worker_had_claimed_is_sent_when_its_claim_has_run_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = _plan(desk)
    monkeypatch.setattr(claims, "LEASE_SECONDS", 0.5)
    claims._take(desk.store, event.tenant, event.record)
    began = time.monotonic()
    desk.hear(event)
    assert time.monotonic() - began > 0.4
    assert len(desk.office.mails) == 1
    assert desk.delivered()[0].attempt_count == 1


def test_a_claim_lasts_as_long_as_its_worker_and_no_longer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "LEASE_SECONDS", 0.4)
    with claims.held(desk.store, desk.world.tenant, "deliveries/d"):
        for _ in range(4):
            time.sleep(0.3)
            with pytest.raises(claims.Claimed):
                claims._take(desk.store, desk.world.tenant, "deliveries/d")
        with pytest.raises(claims.Claimed):
            claims.await_turn(desk.store, desk.world.tenant, "deliveries/d", lambda: True)
    assert claims.await_turn(desk.store, desk.world.tenant, "deliveries/d", lambda: True)


def test_the_mail_is_part_of_the_trace_and_names_no_address(desk: Desk, kept: Kept) -> None:
    event = _plan(desk)
    with ProcessSpan("notification.events.v1", event.type, event.traceparent) as span:
        desk.hear(event)
    (sent,) = [found for found in kept.all() if found.name == "send mail"]
    assert sent.parent_span_id.hex() == span.span_id
    assert sent.trace_id.hex() == span.trace_id
    assert b"ada@example.org" not in sent.SerializeToString()
    attributes = {attribute.key: attribute.value for attribute in sent.attributes}
    assert attributes["server.port"].int_value == desk.office.port


def test_the_wrong_kind_of_server_is_refused_when_the_worker_starts(make_desk: Callable[..., Desk]) -> None:
    for uri in ("http://mail", "smtp://", "smtp://host:notaport", "mail.example.org"):
        with pytest.raises(ValueError, match="SMTP_URI"):
            make_desk(smtp_uri=uri)
