"""E-mail addresses, as they compare."""

from __future__ import annotations

from kith.contact.v1.contact_pb2 import Contact


def normalise(contact: Contact) -> None:
    """Trims the addresses and writes them in lower case, so that the same one is always written the same."""
    for address in contact.email_addresses:
        address.value = address.value.strip().lower()
