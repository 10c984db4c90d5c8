"""Companies and the people in them, so that everything said of one fits together."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cli.demo.materials import load
from cli.demo.people import Person, family_name, person
from cli.demo.plan import Json
from cli.demo.spelling import label


@dataclass(frozen=True, slots=True)
class Place:
    """A city, and how streets and telephone numbers look there."""

    code: str
    city: str
    postal_code: str
    region: str
    phone: str
    country: Mapping[str, Any]

    def address(self, rng: random.Random) -> Json:
        """Some address there."""
        street = self.country["address"].format(street=rng.choice(self.country["streets"]), number=rng.randint(1, 160))
        parts = {
            "street": street,
            "city": self.city,
            "region": self.region,
            "postalCode": self.postal_code,
            "country": self.country["country"],
        }
        return {name: value for name, value in parts.items() if value}

    @property
    def language(self) -> str:
        return str(self.country["language"])


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody at a company."""

    key: str
    person: Person
    title: str
    department: str
    email: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a company has got: the key of the order, its day counted from today, and product → how many."""

    order: str
    day: int
    goods: Mapping[str, int]


@dataclass(slots=True)
class Customer:
    """A company. `bought`: product → how many it has by now."""

    key: str
    name: str
    domain: str
    industry: str
    place: Place
    employees: int
    owner: str
    contacts: list[Contact] = field(default_factory=list)
    bought: dict[str, int] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)

    @property
    def vans(self) -> int:
        """How many vans they might run."""
        return max(3, min(60, self.employees // 14))

    def words(self, contact: Contact | None = None) -> dict[str, str]:
        """What texts may name."""
        who = (contact or self.contacts[0]).person
        return {
            "account": self.name,
            "contact": who.name,
            "city": self.place.city,
            "vans": str(self.vans),
            "fines": f"{self.vans * 140:,}",
        }


def digits(rng: random.Random, pattern: str) -> str:
    """A telephone number: each # is a digit."""
    return "".join(str(rng.randint(0, 9)) if letter == "#" else letter for letter in pattern)


def customers(rng: random.Random) -> Iterator[Customer]:
    """Companies, no two of one name or domain; they have neither key nor contacts yet. The lists make some 1,700."""
    names: set[str] = set()
    domains: set[str] = set()
    while True:
        found = _customer(rng)
        if found.name not in names and found.domain not in domains:
            names.add(found.name)
            domains.add(found.domain)
            yield found


def staff(rng: random.Random, customer: Customer, keys: Iterator[str], count: int) -> None:
    """Gives a company its people: who decides first."""
    titles = load("companies")["titles"]
    heads = {"Public sector": titles["public"], "Bicycle retail & leasing": titles["shop"]}
    usual = titles["heads"] if customer.employees > 40 else titles["small"]
    mailboxes = {contact.person.mailbox for contact in customer.contacts}
    roles = [rng.choice(heads.get(customer.industry, usual)), *rng.sample(titles["staff"], count - 1)]
    for title, department in roles:
        who = _somebody_new(rng, customer.place.language, mailboxes)
        email = f"{who.mailbox}@{customer.domain}"
        customer.contacts.append(Contact(next(keys), who, title, department, email))


def _customer(rng: random.Random) -> Customer:
    place = _place(rng)
    industries = load("companies")["industries"]
    industry = rng.choices(list(industries), [one["weight"] for one in industries.values()])[0]
    name, written = _name(rng, place.language, industry)
    low, high = industries[industry]["employees"]
    employees = round(low * (high / low) ** rng.random())
    domain = f"{label(written, place.language)}.example"
    return Customer("", name, domain, industry, place, employees, str(place.country["owner"]))


def _name(rng: random.Random, language: str, industry: str) -> tuple[str, str]:
    """The company's name, and how it is written in Latin letters."""
    patterns = load("companies")["patterns"][language]
    brand, _, brand_latin = rng.choice(patterns["brands"]).partition("|")
    pattern, _, pattern_latin = rng.choice(patterns[industry]).partition("|")
    family = family_name(rng, language)
    name = pattern.format(brand=brand, family=family)
    return name, pattern_latin.format(brand=brand_latin) if pattern_latin else _without_legal_form(name)


def _without_legal_form(name: str) -> str:
    words = [word for word in name.split() if word.rstrip(".").lower().replace(".", "") not in _LEGAL_FORMS]
    return " ".join(words)


_LEGAL_FORMS = frozenset(
    {"aps", "a/s", "ab", "gmbh", "ggmbh", "kg", "eg", "ek", "bv", "nv", "ltd", "plc", "sas", "sarl", "sa", "sl", "aş"}
    | {"şti", "amba", "group"}
)


def _place(rng: random.Random) -> Place:
    countries = load("places")
    code = rng.choices(list(countries), [one["weight"] for one in countries.values()])[0]
    cities = countries[code]["cities"]
    city, postal_code, phone, region = rng.choices(cities, range(2 * len(cities), len(cities), -1))[0]
    return Place(code, city, postal_code, region, phone, countries[code])


def _somebody_new(rng: random.Random, language: str, mailboxes: set[str]) -> Person:
    while True:
        who = person(rng, language)
        if who.mailbox not in mailboxes:
            mailboxes.add(who.mailbox)
            return who
