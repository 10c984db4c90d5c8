"""Two tenants with one record of every kind each: ours, and one that is none of our business."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from cli.check.expectation import eventually
from cli.local.keeper import ROOT
from cli.local.platform import Platform
from tests.contract.wire import Wire, call

Json = dict[str, Any]

PASSWORD = "correct horse battery staple"
SECRET_WORD = "Otherlandish"
"""Stands in every record of the other tenant and nowhere else."""
MADE_BY_WORKERS = ("deliveries", "timelineEntries")
"""Records that nobody can create through the API."""
ABSENT = "0198f3c2-7c1e-7a3b-9d4e-5f6a7b8c9d0e"
"""An id that nobody has."""


@dataclass
class Tenant:
    """A tenant as its administrator sees it: `names` has one record of each kind by its plural."""

    slug: str
    token: str
    email: str
    password: str
    names: dict[str, str] = field(default_factory=dict)

    def id(self, plural: str) -> str:
        """The last part of the name of this tenant's record of a kind."""
        return self.names[plural].partition("/")[2]


def ours(platform: Platform) -> Tenant:
    """The tenant that every platform has."""
    credentials = platform.credentials
    return Tenant(credentials.tenant, credentials.api_key, credentials.email, credentials.password)


def another(platform: Platform, slug: str) -> Tenant:
    """One more tenant, made as the operator of the platform makes one."""
    password_file = platform.home / f"password-{slug}"
    password_file.write_text(PASSWORD)
    email = f"admin@{slug}.example"
    command = ("bootstrap", "--tenant", slug, "--email", email, "--json", "--password-file", str(password_file))
    made = json.loads(identity(platform, *command, "--api-key-file", str(platform.home / f"api-key-{slug}")))
    return Tenant(slug, made["api_key"], email, PASSWORD)


def identity(platform: Platform, *command: str) -> str:
    """Runs one of identity's commands beside the platform; returns what it prints."""
    addresses = platform.addresses
    settings = {
        "KITH_LISTEN": "127.0.0.1:0",
        "MONGODB_URI": addresses.mongodb,
        "AMQP_URI": addresses.amqp,
        "SMTP_URI": addresses.smtp,
        "OTEL_EXPORTER_OTLP_ENDPOINT": "",
        "KITH_SIGNING_KEYS": str(platform.home / "keys"),
    }
    arguments = [sys.executable, "-m", "services.identity", *command]
    done = subprocess.run(
        arguments, env={**os.environ, **settings}, cwd=Path(ROOT), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def furnish(tenant: Tenant, wire: Wire, word: str, mark: str) -> None:
    """Creates one record of each kind; `word` is in their texts, `mark` makes unique values unique."""
    for plural in ORDER:
        answer = wire.send(
            call(
                f"create one of {plural}",
                "POST",
                f"/v1/{plural}",
                tenant.token,
                sample(plural, tenant.names, word, mark),
            )
        )
        assert answer.status == 201, answer
        tenant.names[plural] = answer.json["name"]
    tenant.names["tenants"] = _first(wire, tenant, "tenants")
    lead = tenant.names["leads"]
    assigned = call("assign the lead", "POST", f"/v1/{lead}:assign", tenant.token, {"owner": tenant.names["users"]})
    answer = wire.send(assigned)
    assert answer.status == 200, answer
    for plural in MADE_BY_WORKERS:
        ask = partial(_first, wire, tenant, plural)
        tenant.names[plural] = eventually(ask, seconds=60, what=f"the first of {plural}")


def _first(wire: Wire, tenant: Tenant, plural: str) -> str:
    answer = wire.send(call(f"list {plural}", "GET", f"/v1/{plural}", tenant.token))
    assert answer.status == 200, answer
    found = answer.json.get(plural)
    return str(found[0]["name"]) if found else ""


def sample(plural: str, names: Mapping[str, str], word: str, mark: str) -> Json:
    """A small right record of a kind, referring to the tenant's others."""
    body: Json = SAMPLES[plural](names, word, mark)
    return body


ORDER = (
    *("roles", "users", "apiKeys", "accounts", "contacts", "activities", "products", "pipelines", "leads"),
    *("opportunities", "orders", "queues", "cases", "messages", "templates", "notifications"),
)
_STAGES = [
    {"displayName": "Open", "probabilityPercent": 20, "outcome": "STAGE_OUTCOME_OPEN"},
    {"displayName": "Won", "outcome": "STAGE_OUTCOME_WON"},
    {"displayName": "Lost", "outcome": "STAGE_OUTCOME_LOST"},
]
_PRICE = {"currencyCode": "EUR", "amountMinor": "1250"}

SAMPLES: dict[str, Any] = {
    "roles": lambda names, word, mark: {
        "displayName": f"Role {word}",
        "key": f"role-{mark}",
        "permissions": ["contacts.read", "leads.update"],
        "description": word,
    },
    "users": lambda names, word, mark: {
        "displayName": f"User {word}",
        "email": f"user-{mark}@{word.lower()}.example",
        "roles": [names["roles"]],
        "locale": "da",
    },
    "apiKeys": lambda names, word, mark: {"displayName": f"Key {word}", "permissions": ["contacts.read"]},
    "accounts": lambda names, word, mark: {
        "displayName": f"Account {word}",
        "owner": names["users"],
        "billingAddress": {"street": word, "city": word, "country": "Denmark"},
        "employeeCount": "12",
        "annualRevenue": _PRICE,
        "tags": [word],
        "externalId": f"account-{mark}",
    },
    "contacts": lambda names, word, mark: {
        "givenName": "Ada",
        "familyName": word,
        "emailAddresses": [{"value": f"ada-{mark}@{word.lower()}.example", "type": "work"}],
        "phoneNumbers": [{"value": "+45 31 23 45 67", "type": "mobile"}],
        "account": names["accounts"],
        "mailingAddress": {"city": word},
        "emailOptOut": True,
        "externalId": f"contact-{mark}",
    },
    "activities": lambda names, word, mark: {
        "subject": f"Call {word}",
        "type": "ACTIVITY_TYPE_CALL",
        "startTime": "2026-01-31T12:00:00.123Z",
        "account": names["accounts"],
        "contact": names["contacts"],
        "relatedTo": names["accounts"],
        "owner": names["users"],
    },
    "products": lambda names, word, mark: {
        "displayName": f"Product {word}",
        "code": f"P-{mark}",
        "unitPrice": _PRICE,
        "active": True,
    },
    "pipelines": lambda names, word, mark: {"displayName": f"Pipeline {word}", "stages": _STAGES},
    "leads": lambda names, word, mark: {
        "givenName": "Grace",
        "familyName": word,
        "company": word,
        "email": f"grace-{mark}@{word.lower()}.example",
    },
    "opportunities": lambda names, word, mark: {
        "displayName": f"Opportunity {word}",
        "account": names["accounts"],
        "contact": names["contacts"],
        "pipeline": names["pipelines"],
        "stage": "Open",
        "amount": _PRICE,
        "closeDate": "2026-12-31",
        "lines": [{"product": names["products"], "quantity": "2", "unitPrice": _PRICE}],
        "owner": names["users"],
    },
    "orders": lambda names, word, mark: {
        "account": names["accounts"],
        "opportunity": names["opportunities"],
        "lines": [{"product": names["products"], "quantity": "2"}],
        "orderDate": "2026-11-22",
        "owner": names["users"],
        "description": word,
    },
    "queues": lambda names, word, mark: {
        "displayName": f"Queue {word}",
        "members": [names["users"]],
        "email": f"queue-{mark}@{word.lower()}.example",
    },
    "cases": lambda names, word, mark: {
        "subject": f"Case {word}",
        "status": "CASE_STATUS_NEW",
        "priority": "CASE_PRIORITY_HIGH",
        "account": names["accounts"],
        "contact": names["contacts"],
        "queue": names["queues"],
        "relatedTo": names["orders"],
    },
    "messages": lambda names, word, mark: {
        "case": names["cases"],
        "direction": "MESSAGE_DIRECTION_NOTE",
        "subject": word,
        "body": f"A note on {word}",
    },
    "templates": lambda names, word, mark: {
        "event": "case.resolved",
        "channel": "CHANNEL_EMAIL",
        "locale": "da",
        "subject": f"{word}: {{{{ record.subject }}}}",
        "body": "Hello {{ recipient.name }}",
    },
    "notifications": lambda names, word, mark: {
        "recipient": names["users"],
        "subject": f"Notification {word}",
        "record": names["cases"],
    },
}
