"""Who works at the company, what it sells, and where its cases wait."""

from __future__ import annotations

from dataclasses import dataclass

from cli.demo.materials import load
from cli.demo.plan import Json, money, ref
from cli.demo.spelling import label

DOMAIN = "demo.example"


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that the company is set up with: it has no external id, and is known by a field that is unique."""

    key: str
    plural: str
    known_by: str
    body: Json

    @property
    def filter(self) -> str:
        """Finds it, if it is there."""
        return f'{self.known_by} = "{self.body[self.known_by]}"'


def users(roles: dict[str, str]) -> list[Setting]:
    """The team. `roles`: key of a role → its name."""
    return [
        Setting(
            user(who),
            "users",
            "email",
            {
                "displayName": one["name"],
                "email": email(who),
                "roles": [roles[one["role"]]],
                "locale": one["locale"],
                "timeZone": one["zone"],
            },
        )
        for who, one in load("team")["users"].items()
    ]


def products() -> list[Setting]:
    """What the company makes."""
    return [
        Setting(
            product(code),
            "products",
            "code",
            {
                "displayName": one["name"],
                "code": code,
                "description": one["about"],
                "unitPrice": money(one["price"]),
                "active": one["kind"] != "retired",
            },
        )
        for code, one in load("team")["products"].items()
    ]


def queues() -> list[Setting]:
    """Where cases wait, by what they are about."""
    return [
        Setting(
            queue(name),
            "queues",
            "email",
            {
                "displayName": one["name"],
                "email": f"{name}@{DOMAIN}",
                "members": [ref(user(member)) for member in one["members"]],
            },
        )
        for name, one in load("team")["queues"].items()
    ]


def name(who: str) -> str:
    """A colleague's name."""
    return str(load("team")["users"][who]["name"])


def email(who: str) -> str:
    """A colleague's address."""
    given, _, family = name(who).partition(" ")
    return f"{label(given, 'da')}.{label(family, 'da')}@{DOMAIN}"


def user(who: str) -> str:
    """The key of a colleague's record."""
    return f"user:{who}"


def product(code: str) -> str:
    """The key of a product's record."""
    return f"product:{code}"


def queue(name: str) -> str:
    """The key of a queue's record."""
    return f"queue:{name}"
