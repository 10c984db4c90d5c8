"""The roles that a new tenant begins with."""

from __future__ import annotations

from dataclasses import dataclass

_SALES_RECORDS = ("accounts", "contacts", "activities", "leads", "opportunities", "orders")
_CASE_RECORDS = ("cases", "messages", "activities")


@dataclass(frozen=True, slots=True)
class StandardRole:
    """A role as `bootstrap` creates it; `key` stays its identity."""

    key: str
    display_name: str
    description: str
    permissions: tuple[str, ...]


def _all(*nouns: str) -> tuple[str, ...]:
    return tuple(f"{noun}.*" for noun in nouns)


def _without_delete(*nouns: str) -> tuple[str, ...]:
    return tuple(f"{noun}.{verb}" for noun in nouns for verb in ("read", "create", "update"))


STANDARD = (
    StandardRole("admin", "Administrator", "May do everything in this tenant.", ("*",)),
    StandardRole(
        "sales-manager",
        "Sales manager",
        "Leads a sales team: everything in sales, and reads all else.",
        ("*.read", *_all(*_SALES_RECORDS, "pipelines", "products")),
    ),
    StandardRole(
        "sales-rep",
        "Sales representative",
        "Sells: works on leads, opportunities and orders and on the people behind them.",
        (
            *_without_delete(*_SALES_RECORDS),
            "leads.convert",
            *(f"{noun}.read" for noun in ("pipelines", "products", "timelineEntries", "users", "tenants")),
            "events.read",
        ),
    ),
    StandardRole(
        "case-agent",
        "Case agent",
        "Solves cases: answers customers and reads what is known of them.",
        (
            *_without_delete(*_CASE_RECORDS),
            *(
                f"{noun}.read"
                for noun in (
                    "accounts",
                    "contacts",
                    "queues",
                    "orders",
                    "timelineEntries",
                    "users",
                    "tenants",
                )
            ),
            "events.read",
        ),
    ),
    StandardRole("viewer", "Viewer", "Reads everything, changes nothing.", ("*.read",)),
    StandardRole(
        "web-form",
        "Web form",
        "For the key of a public form: hands in leads, sees nothing.",
        ("leads.create",),
    ),
)
