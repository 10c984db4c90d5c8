"""What the notification service hears, and what it does then."""

from __future__ import annotations

from services.chassis.bus.events import Event
from services.chassis.bus.handlers import Handlers
from services.chassis.resources.transaction import Transaction
from services.chassis.settings import Settings
from services.notification import recipients
from services.notification.rules.occasions import OCCASIONS
from services.notification.sending import Post
from services.notification.smtp import Server
from services.notification.telling import tell


def handlers(settings: Settings) -> Handlers:
    """The handlers, which know the mail server.

    Raises:
        SettingError: SMTP_URI is none.
    """
    found = Handlers()
    server = Server.parse(settings.smtp_uri) if settings.smtp_uri else None
    found.handles("user.*")(recipients.remember)
    found.handles("delivery.created", transaction=False)(Post(server, settings.mail_from).deliver)

    @found.handles(*OCCASIONS)
    def notify(event: Event, tx: Transaction) -> None:
        tell(event, tx, settings.public_url)

    return found
