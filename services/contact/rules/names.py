"""How people are called."""

from __future__ import annotations

from kith.contact.v1.contact_pb2 import Contact

from services.chassis.errors import InvalidArgument


def complete(contact: Contact, before: Contact | None) -> None:
    """Sets the display name from the parts of the name, unless somebody chose another one.

    Raises:
        InvalidArgument: there is nothing by which to call the person.
    """
    chosen = contact.display_name and (before is None or contact.display_name != whole_name(before))
    if not chosen:
        contact.display_name = whole_name(contact)
    if not contact.display_name:
        raise InvalidArgument.of(
            "contact.family_name", "give a given name, a family name, a display name or an e-mail address"
        )


def whole_name(contact: Contact) -> str:
    """Given and family name; without both the first e-mail address."""
    parts = [part for part in (contact.given_name.strip(), contact.family_name.strip()) if part]
    if parts:
        return " ".join(parts)
    return contact.email_addresses[0].value if contact.email_addresses else ""
