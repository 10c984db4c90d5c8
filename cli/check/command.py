"""`kith check`: whether a running Kith does what it is for."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click

from cli.check import credentials
from cli.check.telling import Outcome, tell
from cli.check.trial import Subject, Trial


@click.command()
@credentials.options
@click.option("--mailbox", default="", metavar="URL", help="Look for the mails there: a `kith mailbox`, or a folder.")
@click.option("--patience", default=60.0, show_default=True, help="Seconds that each thing behind the scenes may take.")
@click.option("--json", "json_", is_flag=True, help="Print one JSON document at the end instead of lines.")
def check(
    gateway: str,
    tenant: str,
    api_key_file: Path | None,
    mailbox: str,
    patience: float,
    json_: bool,
) -> None:
    """Tell one customer's story through a gateway, and see that each event has had exactly one effect.

    A web form sends a lead; it is assigned, converted, won and ordered; the customer complains, is answered and
    content. What happens behind the scenes is waited for: assignments, notifications, the timeline, the event stream.

    With --tenant the story happens in a tenant of its own, which is made through MONGODB_URI when it is missing. With
    an API key it happens in that key's tenant: it leaves a customer and two users there, and tells whoever is assigned.
    Without --mailbox the platform's own record of its mails is believed, and where it has no mail server, that is said.

    Exit code 0: all of it came true; 1: something did not, and the last line says what.
    """
    key = credentials.given(tenant, api_key_file)
    trial = Trial(Subject(gateway, key, tenant, mailbox, patience))
    outcomes: list[Outcome] = []
    begun = time.monotonic()

    def told(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if not json_:
            click.echo(outcome.line())

    try:
        ok = tell(trial.steps(), told)
    finally:
        trial.close()
    seconds = time.monotonic() - begun
    if json_:
        steps = [outcome.as_json() for outcome in outcomes]
        verdict = {"ok": ok, "gateway": gateway, "seconds": round(seconds, 3), "steps": steps, "remarks": trial.remarks}
        click.echo(json.dumps(verdict, indent=2, ensure_ascii=False))
    else:
        for remark in trial.remarks:
            click.echo(f"  note: {remark}")
        click.echo(_verdict(ok, outcomes, seconds))
    sys.exit(0 if ok else 1)


def _verdict(ok: bool, outcomes: list[Outcome], seconds: float) -> str:
    if ok:
        return f"Kith works: {len(outcomes)} steps in {seconds:.1f} s, each event with exactly one effect."
    return f"Kith does not work: step {len(outcomes)}, “{outcomes[-1].step}”, did not come true."
