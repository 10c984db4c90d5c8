"""One customer's story, told through REST: from a web form to a solved complaint."""

from __future__ import annotations

import datetime
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from cli.check import mails
from cli.check.api import Api, Json
from cli.check.expectation import eventually, expect
from cli.check.mails import Mailbox

Step = Callable[[], None]
T = TypeVar("T")

_KEY_LIFE = datetime.timedelta(hours=1)
_SECOND_MAIL_SECONDS = 0.3
"""A second mail about the same thing would come at once."""


@dataclass
class Story:
    """The steps in their order; each leaves what the next ones need, and raises Unmet when it does not come true.

    Every write has an idempotency key, so a step that was cut off can be sent again. `patience_seconds` is how long
    the platform may take for what happens behind the scenes. Without a mailbox the platform's word is taken for what
    became of its mails. `remarks` are what a reader should know although all is well.
    """

    api: Api
    mailbox: Mailbox | None = None
    patience_seconds: float = 30.0
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    remarks: list[str] = field(default_factory=list)
    web_form: Api | None = None
    web_form_key: str = ""
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
            self.its_owner_is_told,
            self.the_lead_is_converted_in_one_call,
            self.the_opportunity_is_won_and_becomes_an_order,
            self.the_customer_complains,
            self.the_case_is_assigned,
            self.its_agent_is_told,
            self.the_case_is_answered,
            self.the_case_is_solved,
        ]

    def a_sales_rep_and_a_case_agent_join(self) -> None:
        self._join("Sam Seller", "sales-rep")
        self._join("Ally Agent", "case-agent")
        created = self._new_web_form_key("key")
        if "secret" not in created:  # It is told once; the answer was lost, and this is the repeated one.
            self.api.delete(created["name"])
            created = self._new_web_form_key("second-key")
        self.web_form_key, self.web_form = created["name"], self.api.of(created["secret"])

    def a_web_form_sends_a_lead(self) -> None:
        assert self.web_form is not None, "the steps are told in their order"
        lead = {
            "givenName": "Grace",
            "familyName": f"Hopper-{self.mark}",
            "company": f"Nanoseconds {self.mark}",
            "email": f"grace-{self.mark}@nanoseconds.example",
            "source": "Web form",
            "message": "How long is a piece of wire?",
        }
        self.lead = self.web_form.post("leads", lead, key=f"{self.mark}-lead")
        self._expect_equal(self.lead["status"], "LEAD_STATUS_NEW", "the lead's status")

    def the_lead_is_assigned(self) -> None:
        def owned() -> Json | None:
            lead = self.api.get(self.lead["name"])
            return lead if lead.get("owner") else None

        self.lead = self._eventually(owned, f"an owner of {self.lead['name']}")

    def its_owner_is_told(self) -> None:
        self._told_once("lead.assigned", self.lead["name"], self.lead["owner"], f"Nanoseconds {self.mark}")

    def the_lead_is_converted_in_one_call(self) -> None:
        close_date = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=30)
        wanted = {"amount": {"currencyCode": "EUR", "amountMinor": "1250000"}, "closeDate": close_date.isoformat()}
        converted = self.api.post(f"{self.lead['name']}:convert", wanted, key=f"{self.mark}-convert")
        self.account, self.contact = converted["account"], converted["contact"]
        self.opportunity = converted["opportunity"]["name"]
        company = self.api.get(self.account)["displayName"]
        self._expect_equal(company, f"Nanoseconds {self.mark}", "the account's name")
        self._expect_equal(self.api.get(self.contact)["account"], self.account, "the contact's account")
        deal = self.api.get(self.opportunity)
        self._expect_equal(deal["account"], self.account, "the opportunity's account")
        self._expect_equal(deal["contact"], self.contact, "the opportunity's contact")
        self._expect_equal(deal["owner"], self.lead["owner"], "the opportunity's owner")

    def the_opportunity_is_won_and_becomes_an_order(self) -> None:
        won = self.api.post(f"{self.opportunity}:win", {}, key=f"{self.mark}-win")
        self._expect_equal(won["opportunity"]["state"], "OPPORTUNITY_STATE_WON", "the opportunity's state")
        self.order = won["order"]["name"]
        order = self.api.get(self.order)
        self._expect_equal(order["account"], self.account, "the order's account")
        self._expect_equal(order["opportunity"], self.opportunity, "the order's opportunity")
        self._expect_equal(order["total"], {"currencyCode": "EUR", "amountMinor": "1250000"}, "the order's total")

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

        self.case = self._eventually(assigned, f"an assignee of {self.case['name']}")

    def its_agent_is_told(self) -> None:
        text = f"The wire is too short {self.mark}"
        self._told_once("case.assigned", self.case["name"], self.case["assignee"], text)

    def the_case_is_answered(self) -> None:
        answer = {"body": "Light needs a nanosecond for that. It is meant to be so."}
        replied = self.api.post(f"{self.case['name']}:reply", answer, key=f"{self.mark}-reply")
        self.message = replied["message"]["name"]
        self._expect_equal(replied["message"]["direction"], "MESSAGE_DIRECTION_OUTBOUND", "the message's direction")
        expect(replied["case"].get("firstResponseTime"), "the time of the first response", replied, self.api.trace_id)

    def the_case_is_solved(self) -> None:
        solved = self.api.post(f"{self.case['name']}:resolve", {"resolution": "Explained."}, key=f"{self.mark}-solve")
        self._expect_equal(solved["status"], "CASE_STATUS_RESOLVED", "the case's status")

    def clear_up(self) -> None:
        """Revokes the web form's API key; the records stay."""
        if self.web_form_key:
            self.api.delete(self.web_form_key)
            self.web_form_key = ""

    def changes(self, record: str) -> list[Json]:
        """The history of a record, newest first."""
        listed: list[Json] = self.api.get(f"{record}/changes")["changes"]
        return listed

    def records(self) -> list[str]:
        """The records of the customer that the story made, in the order in which it made them."""
        made = [self.lead["name"], self.account, self.contact, self.opportunity, self.order, self.case["name"]]
        return [*made, self.message]

    def delivery(self, notification: str) -> Json:
        """The one delivery of a notification as soon as it has ended."""

        def deliveries() -> list[Json]:
            return list(self.api.all("deliveries", filter=f'notification = "{notification}"'))

        def ended() -> list[Json] | None:
            found = deliveries()
            return found if found and all(one["state"] != "DELIVERY_STATE_PENDING" for one in found) else None

        def state() -> str:
            return "; ".join(f"{one['state']} {one.get('error', '')}" for one in deliveries()) or "none"

        found = self._eventually(ended, f"the end of the delivery of {notification}", state)
        expect(len(found) == 1, f"one delivery of {notification}", len(found), self.api.trace_id)
        return found[0]

    def _new_web_form_key(self, key: str) -> Json:
        ends = datetime.datetime.now(datetime.UTC) + _KEY_LIFE
        wanted = {
            "displayName": f"Web form {self.mark}",
            "permissions": ["leads.create"],
            "expireTime": ends.isoformat().replace("+00:00", "Z"),
        }
        return self.api.post("apiKeys", wanted, key=f"{self.mark}-{key}")

    def _join(self, name: str, role: str) -> None:
        """The same two people join in every story of a tenant."""
        found = self.api.first("roles", filter=f'key = "{role}"')
        expect(found is not None, f"a role {role}", "none")
        email = f"{role}@story.kith.example"
        if found is not None and self.api.first("users", filter=f'email = "{email}"') is None:
            user = {"displayName": name, "email": email, "roles": [found["name"]]}
            self.api.post("users", user, key=f"story-{role}")

    def _told_once(self, event: str, record: str, user: str, text: str) -> None:
        query = f'record = "{record}" AND event_type = "{event}" AND recipient = "{user}"'
        told = self._eventually(
            lambda: list(self.api.all("notifications", filter=query)), f"a notification of {user} about {event}"
        )
        expect(len(told) == 1, f"one notification of {user} about {event}", len(told), self.api.trace_id)
        delivery = self.delivery(told[0]["name"])
        if self.mailbox is not None:
            self._one_mail(self.mailbox, text, self.api.get(user)["email"], delivery)
        elif delivery["state"] != "DELIVERY_STATE_SENT":
            self.remarks.append(f"no mail went out about {event}: {delivery.get('error', 'no reason is given')}")

    def _one_mail(self, mailbox: Mailbox, text: str, address: str, delivery: Json) -> None:
        became = f"{delivery['state']}: {delivery.get('error', '')}"
        expect(delivery["state"] == "DELIVERY_STATE_SENT", f"a mail sent to {address}", became, self.api.trace_id)
        self._eventually(lambda: mails.about(mailbox, text), f"a mail about {text}")
        time.sleep(_SECOND_MAIL_SECONDS)
        found = [mail for mail in mails.about(mailbox, text) if address in str(mail["To"])]
        expect(len(found) == 1, f"one mail to {address} about {text}", len(found), self.api.trace_id)

    def _expect_equal(self, found: object, wanted: object, what: str) -> None:
        expect(found == wanted, f"{what} to be {wanted}", found, self.api.trace_id)

    def _eventually(self, ask: Callable[[], T | None], what: str, found: Callable[[], str] = lambda: "") -> T:
        return eventually(ask, seconds=self.patience_seconds, what=what, trace_id=self.api.trace_id, found=found)
