"""The records of the notification service and the rules that hook into their writes."""

from __future__ import annotations

from kith.notification.v1.delivery_pb2 import Delivery
from kith.notification.v1.notification_pb2 import Notification
from kith.notification.v1.template_pb2 import Channel, Template
from pymongo import ASCENDING, IndexModel

from services.chassis.errors import InvalidArgument, Violation
from services.chassis.resources.records import Record
from services.chassis.resources.transaction import Transaction
from services.notification.rules import language
from services.notification.rules.occasions import OCCASIONS, known_events

CLAIMS = "claims"
"""Who is handing a delivery to the mail server right now."""

_CLAIM_KEPT_SECONDS = 86_400


def _prepare_template(_tx: Transaction, after: Template, _before: Template | None) -> None:
    after.channel = after.channel or Channel.CHANNEL_EMAIL
    violations = []
    if after.event not in OCCASIONS:
        told = f"{after.event!r} is told to nobody; these are: {known_events()}"
        violations.append(Violation("template.event", told))
    for field in ("subject", "body"):
        try:
            language.check(getattr(after, field))
        except language.TemplateError as error:
            violations.append(Violation(f"template.{field}", str(error)))
    if violations:
        raise InvalidArgument(f"{violations[0].field}: {violations[0].description}", violations=tuple(violations))


RECORDS = (
    Record(Template, prepare=_prepare_template),
    Record(Notification),
    Record(
        Delivery,
        beside={CLAIMS: [IndexModel([("until", ASCENDING)], name="until", expireAfterSeconds=_CLAIM_KEPT_SECONDS)]},
    ),
)
