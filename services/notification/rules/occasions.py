"""The events that somebody is told about, whom they concern, and what is said when the tenant has no template."""

from __future__ import annotations

from dataclasses import dataclass

LINK = "{% if link != '' %}{{ link }}{% else %}{{ record.name }}{% endif %}"


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event that is told: `told` is the JSON field of its record that names the user; the texts are Liquid."""

    event: str
    told: str
    subject: str
    body: str


def _letter(text: str) -> str:
    return f"Hello {{{{ recipient.name }}}},\n\n{text}\n\n{LINK}\n"


_LEAD = (
    "{{ record.givenName }} {{ record.familyName }}"
    "{% if record.company %}"
    "{% if record.familyName or record.givenName %} of{% endif %} {{ record.company }}"
    "{% endif %}"
)
_LEAD_BODY = _letter(
    f"the lead {_LEAD} is yours now."
    "{% if record.source %}\nSource: {{ record.source }}{% endif %}"
    "{% if record.message %}\n\n{{ record.message | truncate: 2000 }}{% endif %}"
)
_CASE = "{{ record.caseNumber }} “{{ record.subject }}”"

OCCASIONS = {
    occasion.event: occasion
    for occasion in (
        Occasion("lead.created", "owner", f"New lead for you: {_LEAD}", _LEAD_BODY),
        Occasion("lead.assigned", "owner", f"New lead for you: {_LEAD}", _LEAD_BODY),
        Occasion(
            "opportunity.won",
            "owner",
            "Won: {{ record.displayName }}",
            _letter("the opportunity “{{ record.displayName }}” is won. Congratulations!"),
        ),
        Occasion(
            "case.assigned",
            "assignee",
            f"Case for you: {_CASE}",
            _letter(
                f"the case {_CASE} is yours now."
                "{% if record.description %}\n\n{{ record.description | truncate: 2000 }}{% endif %}"
            ),
        ),
        Occasion(
            "case.resolved",
            "assignee",
            f"Resolved: {_CASE}",
            _letter(
                f"the case {_CASE} is resolved."
                "{% if record.resolution %}\n\n{{ record.resolution | truncate: 2000 }}{% endif %}"
            ),
        ),
    )
}
"""By the event's name, as it stands in Template.event."""


def known_events() -> str:
    """The names of all of them, for people."""
    return ", ".join(sorted(OCCASIONS))
