"""Every alert says what it is, how bad it is, and where the way out is written down."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.unit.observability import rules

ALERTS = {rule["alert"]: rule for rule in rules.alerts()}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_tells_its_severity_and_leads_to_its_section(name: str) -> None:
    alert: Any = ALERTS[name]
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert alert["annotations"]["runbook_url"] == f"docs/alerts.md#{name.lower()}"


def test_every_alert_has_a_section_and_every_section_an_alert() -> None:
    assert re.findall(r"^### (\w+)$", _runbooks(), re.MULTILINE) == list(ALERTS)


def test_the_list_of_alerts_tells_their_severities() -> None:
    listed = re.findall(r"^\| \[(\w+)\]\(#\w+\) \| (\w+) \|", _runbooks(), re.MULTILINE)
    assert listed == [(name, alert["labels"]["severity"]) for name, alert in ALERTS.items()]


def test_no_link_between_sections_leads_nowhere() -> None:
    titles = re.findall(r"^#+ (.+)$", _runbooks(), re.MULTILINE)
    anchors = {re.sub(r"[^\w-]", "", title.lower().replace(" ", "-")) for title in titles}
    assert set(re.findall(r"\]\(#([\w-]+)\)", _runbooks())) <= anchors


def test_an_alert_ends_when_its_window_does_or_waits_until_it_is_sure() -> None:
    # Counts within a window need no `for`: they are true until what they counted has left the window.
    assert {name for name, alert in ALERTS.items() if "for" not in alert} == {"KithEventsParked", "KithProcessRestarts"}


def _runbooks() -> str:
    return rules.RUNBOOKS.read_text(encoding="utf-8")
