"""The gRPC services of the notification service: all methods are the engine's standard ones."""

from __future__ import annotations

from services.chassis.service import Service
from services.notification.records import RECORDS

SERVICE = Service("notification", RECORDS)
