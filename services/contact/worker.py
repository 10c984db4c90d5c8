"""What the contact service hears: nothing yet; its worker relays what the service has to tell."""

from __future__ import annotations

from services.chassis.bus.handlers import Handlers

HANDLERS = Handlers()
