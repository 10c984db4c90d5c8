"""Sends a delivery by mail, once.

MAIL and RCPT are said first; then the delivery is claimed, the content is sent, and it is marked as sent. Two
workers, or a redelivery, never send at the same time. What cannot be excluded is a worker that is killed after the
server took the content and before the mark is committed, a few milliseconds: the event then comes again, waits until
the claim has run out (`claims.LEASE_SECONDS`) and the mail is sent again with the same Message-ID, by which receivers
drop the copy. `docs/notification.md` tells the whole story.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable

from kith.notification.v1.delivery_pb2 import Delivery, DeliveryState
from kith.notification.v1.notification_pb2 import Notification
from kith.notification.v1.template_pb2 import Channel

from services.chassis import errors
from services.chassis.bus.events import Event
from services.chassis.resources.bson_codec import to_timestamp
from services.chassis.resources.changes import Author
from services.chassis.resources.store import Store
from services.chassis.telemetry import client_span, current_traceparent
from services.chassis.telemetry.privacy import mask_addresses
from services.notification import claims, smtp
from services.notification.recipients import COLLECTION
from services.notification.rules.mail import Letter, Mail, Unsendable, compose, message_id
from services.notification.smtp import Deferred, Refused, Server, Undelivered

_MARK_SECONDS = 20.0
"""So long we try to note that a mail was sent, before the delivery counts as not sent."""


class Post:
    """Handles `delivery.created`. Without a server every mail fails, visibly."""

    def __init__(self, server: Server | None, sender: str) -> None:
        """`sender` is what mails come from: `Kith <kith@example.org>` or an address alone."""
        self._server = server
        self._sender = sender

    def deliver(self, event: Event, store: Store) -> None:
        """Sends the mail of a delivery that waits.

        Raises:
            smtp.Deferred: the server cannot take it now.
            claims.Claimed: another worker has it and takes its time.
        """
        if not claims.await_turn(store, event.tenant, event.record, lambda: _waits(_read(store, event))):
            return
        try:
            if self._server is None:
                raise Refused("no mail server is set: give SMTP_URI")
            letter = _letter(store, event.tenant, _read(store, event))
            mail = compose(letter, self._sender, datetime.datetime.now(datetime.UTC))
            self._send(self._server, mail, store, event)
        except (Refused, Unsendable) as error:
            self._mark(store, event, DeliveryState.DELIVERY_STATE_FAILED, _reason(error))
        except Deferred as error:
            self._mark(store, event, DeliveryState.DELIVERY_STATE_PENDING, _reason(error))
            raise

    def _send(self, server: Server, mail: Mail, store: Store, event: Event) -> None:
        with client_span("send mail", _attributes(server, mail)) as span:
            try:
                with smtp.conversation(server) as conversation:
                    conversation.announce(mail)
                    with claims.held(store, event.tenant, event.record):
                        if _waits(_read(store, event)):
                            conversation.hand_over(mail)
                            # Noted before anything else is said to the server: this is the window.
                            self._mark(store, event, DeliveryState.DELIVERY_STATE_SENT)
            except Undelivered as error:
                span.set("smtp.status_code", error.status)
                span.fail(type(error).__name__, str(error))
                raise

    def _mark(self, store: Store, event: Event, state: DeliveryState, reason: str = "") -> None:
        """Notes how an attempt ended, persistently: a mail that was sent and not noted would be sent again."""
        moment = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)

        def noted(after: Delivery) -> None:
            if not _waits(after):
                return
            after.attempt_count += 1
            after.state = state
            after.error = reason
            after.message_id = message_id(after.name.partition("/")[2], self._sender)
            if state == DeliveryState.DELIVERY_STATE_SENT:
                after.send_time.CopyFrom(to_timestamp(moment))

        _insist(
            lambda: store.transact(
                Author(event.tenant, "services/notification", current_traceparent()),
                lambda tx: tx.update(Delivery, event.record, noted, verb=_VERBS[state]),
            )
        )


def _read(store: Store, event: Event) -> Delivery:
    return store.get(Delivery, event.tenant, event.record)


def _waits(delivery: Delivery) -> bool:
    return (
        delivery.state == DeliveryState.DELIVERY_STATE_PENDING
        and delivery.channel == Channel.CHANNEL_EMAIL
        and not delivery.HasField("delete_time")
    )


def _letter(store: Store, tenant: str, delivery: Delivery) -> Letter:
    notification = store.get(Notification, tenant, delivery.notification)
    recipient = store.database[COLLECTION].find_one({"_id": notification.recipient, "tenant": tenant}) or {}
    return Letter(
        identifier=delivery.name.partition("/")[2],
        name=recipient.get("display_name", ""),
        address=delivery.address,
        subject=notification.subject,
        body=notification.body,
        record=notification.record,
    )


def _insist(write: Callable[[], object]) -> None:
    """Writes, also when the database is away for a moment."""
    end = time.monotonic() + _MARK_SECONDS
    while True:
        try:
            write()
            return
        except (errors.Unavailable, errors.Aborted):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def _reason(error: Exception) -> str:
    """Why it failed, as it may be kept: a server's answer often quotes the address."""
    status = f"{error.status} " if isinstance(error, Undelivered) and error.status else ""
    return mask_addresses(status + str(error))[:1000]


def _attributes(server: Server, mail: Mail) -> dict[str, str | int]:
    return {
        "messaging.system": "smtp",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.message.id": mail.message_id,
        "network.protocol.name": "smtp",
        "server.address": server.host,
        "server.port": server.port,
    }


_VERBS = {
    DeliveryState.DELIVERY_STATE_SENT: "sent",
    DeliveryState.DELIVERY_STATE_FAILED: "failed",
    DeliveryState.DELIVERY_STATE_PENDING: "deferred",
}
