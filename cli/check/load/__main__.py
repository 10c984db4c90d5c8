"""`python -m cli.check.load`: load at a fixed rate, and one JSON object about what became of it."""

from __future__ import annotations

import json
import os
import sys
import uuid
from pathlib import Path

import click
import uvloop

from cli.check import credentials, tenancy
from cli.check.api import Api
from cli.check.expectation import Unmet
from cli.check.load.audit import FAULTS
from cli.check.load.audit import audit as audited
from cli.check.load.cadence import CREATE, GET, Cadence, Plan
from services.chassis.errors import KithError
from services.chassis.settings import SettingError

_MOST_REQUESTS = 500_000
_PATIENCE_SECONDS = 60.0


def _mix(_context: click.Context, _parameter: click.Parameter, text: str) -> dict[str, int]:
    mix = {}
    for part in text.split(","):
        kind, _, times = part.partition("=")
        if kind not in (CREATE, GET) or not times.isdecimal() or int(times) > 1000:
            raise click.BadParameter(f"{part}: give {CREATE}=N,{GET}=N with whole numbers up to 1000")
        mix[kind] = int(times)
    if not any(mix.values()):
        raise click.BadParameter("give at least one kind")
    return mix


@click.command()
@credentials.options
@click.option("--rate", default=50.0, show_default=True, type=click.FloatRange(0.1, 5000), help="Requests a second.")
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(0.1, 86_400), help="For how long.")
@click.option("--connections", default=16, show_default=True, type=click.IntRange(1, 1000), help="That are kept open.")
@click.option("--mix", default="create=1,get=3", show_default=True, callback=_mix, help="How many of each in a round.")
@click.option("--retry-seconds", default=0.0, show_default=True, help="How long a request that fails is sent again.")
@click.option("--timeout", default=10.0, show_default=True, help="Seconds that an answer may take.")
@click.option("--audit/--no-audit", default=False, help="Read back afterwards what was acknowledged.")
@click.option("--patience", default=120.0, show_default=True, help="Seconds that the audit waits for the timeline.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write the JSON to this file too.")
def load(
    gateway: str,
    tenant: str,
    api_key_file: Path | None,
    rate: float,
    seconds: float,
    connections: int,
    mix: dict[str, int],
    retry_seconds: float,
    timeout: float,
    audit: bool,
    patience: float,
    report: Path | None,
) -> None:
    """Create and read contacts at a fixed rate, and print one JSON object about it.

    Each create has an idempotency key; with --retry-seconds it is sent again with the same key after a lost connection
    or a 5xx. SIGTERM ends the load early, with its report.

    Exit code 0: acknowledged is acknowledged; 1: the audit misses something or finds it twice, or nothing was
    acknowledged at all.
    """
    plan = Plan(gateway, rate, seconds, connections, mix, retry_seconds, timeout)
    if plan.requests > _MOST_REQUESTS:
        raise click.UsageError(f"{plan.requests} requests are more than {_MOST_REQUESTS}: lower --rate or --seconds.")
    try:
        found = _found(plan, tenant, credentials.given(tenant, api_key_file), patience if audit else None)
    except (Unmet, KithError, SettingError) as error:
        raise click.ClickException(str(error)) from error
    document = json.dumps(found)
    if report:
        report.write_text(document + "\n")
    click.echo(document)
    sys.exit(0 if _is_kept(found) else 1)


def _found(plan: Plan, tenant: str, api_key: str, patience: float | None) -> dict[str, object]:
    """Runs the load in its tenant, and the audit if there is patience for one."""
    key = api_key or tenancy.api_key(tenant, os.environ)
    api = Api(plan.gateway, key, retry_seconds=patience or _PATIENCE_SECONDS)
    try:
        mark = f"load-{uuid.uuid4().hex[:10]}"
        account = str(api.post("accounts", {"displayName": mark}, key=mark)["name"])
        click.echo(f"sending {plan.rate:g} requests a second", err=True)  # Who waits for the load knows that it begins.
        ledger = uvloop.run(Cadence(plan, key, account, mark).run())
        found = {"mark": mark, "account": account, **ledger.report()}
        if patience is not None:
            found.update(audited(api, account, mark, ledger.acknowledged(CREATE), patience))
        return found
    finally:
        if not api_key:
            tenancy.give_back(plan.gateway, key)


def _is_kept(found: dict[str, object]) -> bool:
    return bool(found["acknowledged"]) and not any(found.get(fault) for fault in FAULTS)


if __name__ == "__main__":
    load(prog_name="python -m cli.check.load")
