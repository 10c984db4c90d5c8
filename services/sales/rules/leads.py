"""Leads: what one must have, whose it is, and what it may become."""

from __future__ import annotations

from kith.sales.v1.lead_pb2 import (
    LEAD_STATUS_CONVERTED,
    LEAD_STATUS_NEW,
    LEAD_STATUS_QUALIFIED,
    LEAD_STATUS_WORKING,
    Lead,
)

from services.chassis.errors import InvalidArgument

OPEN = frozenset({LEAD_STATUS_NEW, LEAD_STATUS_WORKING, LEAD_STATUS_QUALIFIED})
"""The statuses in which somebody has to follow up."""
TAKING = "leads.update"
"""Who may do this can be given leads."""


def complete(after: Lead, before: Lead | None) -> None:
    """Sets the status of a new lead and trims its addresses.

    Raises:
        InvalidArgument: there is nothing by which to know whose interest it is, or the status says that it was
            converted and it was not, or the other way round.
    """
    after.status = after.status or LEAD_STATUS_NEW
    after.email = after.email.strip().lower()
    after.company = after.company.strip()
    known_by = (after.given_name, after.family_name, after.company, after.email, after.phone)
    if not any(text.strip() for text in known_by):
        raise InvalidArgument.of("lead.family_name", "give a name, a company, an e-mail address or a telephone number")
    if (after.status == LEAD_STATUS_CONVERTED) != after.HasField("convert_time"):
        if before is not None and before.status == LEAD_STATUS_CONVERTED:
            raise InvalidArgument.of("lead.status", "the lead was converted, and stays so")
        raise InvalidArgument.of("lead.status", "convert the lead instead (POST …:convert)")


def waits(lead: Lead) -> bool:
    """Whether somebody should be given it."""
    return lead.status in OPEN and not lead.owner


def verb(after: Lead, before: Lead) -> str:
    """What an update means: `assigned` when somebody gets it, else `updated`."""
    return "assigned" if after.owner and after.owner != before.owner else "updated"
