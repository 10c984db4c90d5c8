"""The gRPC services of the contact service: all methods are the engine's standard ones."""

from __future__ import annotations

from services.chassis.service import Service
from services.contact.records import RECORDS

SERVICE = Service("contact", RECORDS)
