"""What identity hears: nothing. Its worker relays what there is to tell of tenants, users, roles and API keys."""

from __future__ import annotations

from services.chassis.bus.handlers import Handlers

HANDLERS = Handlers()
