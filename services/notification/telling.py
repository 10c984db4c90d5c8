"""From an event to a notification and its delivery, in the transaction of the event."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from kith.notification.v1.delivery_pb2 import Delivery, DeliveryState
from kith.notification.v1.notification_pb2 import Notification
from kith.notification.v1.template_pb2 import Channel, Template

from services.chassis.bus.events import Event
from services.chassis.resources.transaction import Transaction
from services.notification import recipients
from services.notification.recipients import Recipient
from services.notification.rules import language, wording
from services.notification.rules.occasions import OCCASIONS, Occasion

_log = logging.getLogger(__name__)


def tell(event: Event, tx: Transaction, public_url: str = "") -> None:
    """Notifies the user whom the event concerns, and plans the mail; nothing if it concerns nobody.

    The identifiers follow from the event's, so the same event told twice, in a replay too, notifies once.

    Raises:
        recipients.NotYet: the user is not known yet.
    """
    occasion = OCCASIONS[event.key]
    user = event.data["record"].get(occasion.told, "")
    if not user:
        return
    identifier = str(uuid.uuid5(_NAMESPACE, event.id))
    if tx.collection("notifications").find_one({"_id": identifier}, {"_id": 1}, session=tx.session):
        return
    recipient = recipients.find(tx, user)
    if recipient is None:
        return
    subject, body = _words(event, tx, recipient, occasion, public_url)
    notification = tx.create(
        Notification(
            recipient=user,
            subject=subject,
            body=body,
            record=event.record,
            event_type=event.key,
            event_id=event.id,
        ),
        identifier=identifier,
    )
    tx.create(
        Delivery(
            notification=notification.name,
            channel=Channel.CHANNEL_EMAIL,
            address=recipient.email,
            state=DeliveryState.DELIVERY_STATE_PENDING,
        ),
        identifier=str(uuid.uuid5(_NAMESPACE, f"{event.id} email")),
    )


def _words(event: Event, tx: Transaction, recipient: Recipient, occasion: Occasion, public_url: str) -> tuple[str, str]:
    """Subject and body by the tenant's template, or by ours when there is none or it fails: a notice is never lost."""
    values = _values(event, recipient, public_url)
    templates = tx.find(Template, {"event": event.key, "active": True, "channel": Channel.CHANNEL_EMAIL})
    template = wording.best(templates, recipient.locale)
    if template is not None:
        try:
            return wording.written(template, values)
        except language.TemplateError as error:
            _log.warning("the built-in text stands in for %s, which failed: %s", template.name, error)
    return wording.written(occasion, values)


def _values(event: Event, recipient: Recipient, public_url: str) -> dict[str, Any]:
    """What a template may name."""
    return {
        "record": event.data["record"],
        "event": {
            "id": event.id,
            "type": event.type,
            "name": event.key,
            "verb": event.verb,
            "actor": event.actor,
            "time": event.time.isoformat(),
        },
        "recipient": {"name": recipient.display_name, "email": recipient.email, "locale": recipient.locale},
        "link": f"{public_url}/v1/{event.record}" if public_url else "",
    }


_NAMESPACE = uuid.UUID("6d3f5a0e-52a1-5a4c-9a57-2b8f2f0f6c11")
