"""What the insight service hears: everything."""

from __future__ import annotations

from services.chassis.bus.handlers import Handlers
from services.insight.projection import project

HANDLERS = Handlers()
HANDLERS.handles("#")(project)
