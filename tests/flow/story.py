"""One customer's story, told through REST: from a web form to a solved complaint."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tests.flow import mails
from tests.flow.api import Api, Json, eventually

Step = Callable[[], None]
T = TypeVar("T")


@dataclass
class Story:
    """The steps in their order; each leaves what the next ones need.

    Every write has an idempotency key, so a step that was cut off can be sent again. `patience_seconds` is how long
    the platform may take for what happens behind the scenes.
    """

    api: Api
    mailbox: str
    patience_seconds: float = 30.0
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    rep: str = ""
    agent: str = ""
    web_form: Api | None = None
    lead: Json = field(default_factory=dict)
    account: str = ""
    contact: str = ""
    opportunity: str = ""
    order: str = ""
    case: Json = field(default_factory=dict)
    message: str = ""

    def steps(self) -> list[Step]:
        """The story, step by step."""
        return [
            self.a_sales_rep_and_a_case_agent_join,
            self.a_web_form_sends_a_lead,
            self.the_lead_is_assigned,
            self.the_owner_gets_a_mail,
            self.the_lead_is_converted_in_one_call,
            self.the_opportunity_is_won_and_becomes_an_order,
            self.the_customer_complains,
            self.the_case_is_assigned,
            self.the_agent_gets_a_mail,
            self.the_case_is_answered,
            self.the_case_is_solved,
        ]

    def a_sales_rep_and_a_case_agent_join(self) -> None:
        self.rep = self._join("Sam Seller", "sales-rep")
        self.agent = self._join("Ally Agent", "case-agent")
        key = {"displayName": f"Web form {self.mark}", "permissions": ["leads.create"]}
        created = self.api.post("apiKeys", key, key=f"{self.mark}-key")
        self.web_form = Api(self.api.gateway, created["secret"], retry_seconds=self.api.retry_seconds)

    def a_web_form_sends_a_lead(self) -> None:
        assert self.web_form is not None
        lead = {
            "givenName": "Grace",
            "familyName": f"Hopper-{self.mark}",
            "company": f"Nanoseconds {self.mark}",
            "email": f"grace-{self.mark}@nanoseconds.example",
            "source": "Web form",
            "message": "How long is a piece of wire?",
        }
        self.lead = self.web_form.post("leads", lead, key=f"{self.mark}-lead")
        assert self.lead["status"] == "LEAD_STATUS_NEW"

    def the_lead_is_assigned(self) -> None:
        def owned() -> Json | None:
            lead = self.api.get(self.lead["name"])
            return lead if lead.get("owner") else None

        self.lead = self._eventually(owned, "the assignment of the lead")

    def the_owner_gets_a_mail(self) -> None:
        self._one_mail_about(f"Nanoseconds {self.mark}", self.lead["owner"])

    def the_lead_is_converted_in_one_call(self) -> None:
        wanted = {"amount": {"currencyCode": "EUR", "amountMinor": "1250000"}, "closeDate": "2026-12-31"}
        converted = self.api.post(f"{self.lead['name']}:convert", wanted, key=f"{self.mark}-convert")
        self.account, self.contact = converted["account"], converted["contact"]
        self.opportunity = converted["opportunity"]["name"]
        assert self.api.get(self.account)["displayName"] == f"Nanoseconds {self.mark}"
        assert self.api.get(self.contact)["account"] == self.account
        deal = self.api.get(self.opportunity)
        assert (deal["account"], deal["contact"], deal["owner"]) == (self.account, self.contact, self.lead["owner"])

    def the_opportunity_is_won_and_becomes_an_order(self) -> None:
        won = self.api.post(f"{self.opportunity}:win", {}, key=f"{self.mark}-win")
        assert won["opportunity"]["state"] == "OPPORTUNITY_STATE_WON"
        self.order = won["order"]["name"]
        order = self.api.get(self.order)
        assert (order["account"], order["opportunity"]) == (self.account, self.opportunity)
        assert order["total"] == {"currencyCode": "EUR", "amountMinor": "1250000"}

    def the_customer_complains(self) -> None:
        complaint = {
            "subject": f"The wire is too short {self.mark}",
            "description": "It is 29.9 cm long.",
            "origin": "Email",
            "account": self.account,
            "contact": self.contact,
            "relatedTo": self.order,
        }
        self.case = self.api.post("cases", complaint, key=f"{self.mark}-case")

    def the_case_is_assigned(self) -> None:
        def assigned() -> Json | None:
            case = self.api.get(self.case["name"])
            return case if case.get("assignee") else None

        self.case = self._eventually(assigned, "the assignment of the case")

    def the_agent_gets_a_mail(self) -> None:
        self._one_mail_about(f"The wire is too short {self.mark}", self.case["assignee"])

    def the_case_is_answered(self) -> None:
        answer = {"body": "Light needs a nanosecond for that. It is meant to be so."}
        replied = self.api.post(f"{self.case['name']}:reply", answer, key=f"{self.mark}-reply")
        self.message = replied["message"]["name"]
        assert replied["message"]["direction"] == "MESSAGE_DIRECTION_OUTBOUND"
        assert replied["case"]["firstResponseTime"]

    def the_case_is_solved(self) -> None:
        solved = self.api.post(f"{self.case['name']}:resolve", {"resolution": "Explained."}, key=f"{self.mark}-solve")
        assert solved["status"] == "CASE_STATUS_RESOLVED"

    def timeline(self) -> list[Json]:
        """The account's timeline, oldest first, as soon as every change of the story's records stands there."""
        expected = {change["id"] for record in self.records() for change in self.changes(record)}

        def complete() -> list[Json] | None:
            entries = self.api.get(f"{self.account}/timeline", pageSize=1000).get("timelineEntries", [])
            return entries if expected <= {entry["event"] for entry in entries} else None

        return list(reversed(self._eventually(complete, f"a timeline with {len(expected)} changes")))

    def changes(self, record: str) -> list[Json]:
        """The history of a record, newest first."""
        listed: list[Json] = self.api.get(f"{record}/changes")["changes"]
        return listed

    def records(self) -> list[str]:
        """The records of the customer that the story made, in the order in which it made them."""
        made = [self.lead["name"], self.account, self.contact, self.opportunity, self.order, self.case["name"]]
        return [*made, self.message]

    def _join(self, name: str, role: str) -> str:
        found = self.api.first("roles", filter=f'key = "{role}"')
        assert found is not None, f"there is no role {role}"
        user = {
            "displayName": name,
            "email": f"{role}-{self.mark}@kith.example",
            "roles": [found["name"]],
        }
        return str(self.api.post("users", user, key=f"{self.mark}-{role}")["name"])

    def _one_mail_about(self, text: str, recipient: str) -> None:
        address = self.api.get(recipient)["email"]
        self._eventually(lambda: mails.about(self.mailbox, text), f"a mail about {text}")
        time.sleep(0.3)  # a second mail would come at once
        found = [mail for mail in mails.about(self.mailbox, text) if address in str(mail["To"])]
        assert len(found) == 1, f"{len(found)} mails to {address} about {text}"

    def _eventually(self, ask: Callable[[], T | None], what: str) -> T:
        return eventually(ask, seconds=self.patience_seconds, what=what)
