"""`kith up | down | status | logs`: a whole platform on this machine."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

ROOT = Path(__file__).resolve().parent.parent
as_json = click.option("--json", "json_", is_flag=True, help="Print JSON for scripts.")


@click.command()
@as_json
def up(json_: bool) -> None:
    """Start everything and wait until it is ready.

    Of the environment: MONGODB_URI, AMQP_URI, SMTP_URI and OTEL_EXPORTER_OTLP_ENDPOINT name servers of yours to be used
    instead of local ones; KITH_PORT (8080) and KITH_TRACES_PORT (8081) choose where the gateway and the trace viewer
    listen; KITH_HOME (.kith) is the folder that holds everything the platform writes.
    """
    from cli.local import client
    from cli.local.failure import StartFailed

    running = client.read(home())
    try:
        document = running or _start(quiet=json_)
    except StartFailed as failure:
        _fail(failure.problem, failure.fix, json_)
    if json_:
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo("Kith is up already." if running else "Kith is up.")
        click.echo(summary(document))


@click.command()
@as_json
def down(json_: bool) -> None:
    """Stop everything that `kith up` started."""
    from cli.local import client

    stopped = client.stop(home())
    if json_:
        click.echo(json.dumps({"stopped": stopped}))
    else:
        click.echo("Kith is down." if stopped else "Kith was not up.")


@click.command()
@as_json
def status(json_: bool) -> None:
    """Say of each process whether it is ready, and how often it had to be started again.

    Exit code 0: all ready; 1: some are not; 3: Kith is not up.
    """
    from cli.local import client
    from cli.local.health import lines, look

    document = client.read(home())
    if document is None:
        click.echo(json.dumps({"up": False}) if json_ else "Kith is not up; `make up` starts it.")
        sys.exit(3)
    processes = look(document)
    if json_:
        click.echo(json.dumps({"up": True, "processes": processes}, indent=2))
    else:
        click.echo("\n".join(lines(processes)))
    sys.exit(0 if all(process["ready"] for process in processes.values()) else 1)


@click.command()
@click.argument("name", required=False)
@click.option("--lines", "-n", "count", default=40, show_default=True, help="How many of the last lines of each log.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
def logs(name: str | None, count: int, follow: bool) -> None:
    """Show the log of the process NAME, or of all."""
    from cli.local import journal

    files = journal.files(home(), name)
    if not files:
        known = ", ".join(file.stem for file in journal.files(home(), None)) or "none yet"
        raise click.ClickException(f"There is no log of {name or 'any process'}. Logs: {known}.")
    try:
        for line in journal.read(files, count, follow):
            click.echo(line)
    except KeyboardInterrupt:
        pass


def home() -> Path:
    """The folder of this machine's platform."""
    return Path(os.environ.get("KITH_HOME") or ROOT / ".kith").resolve()


def summary(document: dict[str, Any]) -> str:
    """Where everything is, with three requests that can be pasted."""
    gateway, key, login = document["gateway"], document["api_key"], document["login"]
    auth = f"-H 'Authorization: Bearer {key}'"
    contact = json.dumps(
        {"givenName": "Ada", "familyName": "Lovelace", "emailAddresses": [{"value": "ada@example.com"}]}
    )
    return f"""
  Gateway    {gateway}   (reference: {gateway}/docs)
  Login      tenant {login["tenant"]}, {login["email"]}, password {login["password"]}
  API key    {key}
  Traces     {document["traces"]}
  Mails      {document["mailbox"] or document["smtp_uri"]}

  Create a contact, list with a filter, search:

    curl -s {auth} -H 'Content-Type: application/json' {gateway}/v1/contacts -d '{contact}'
    curl -s {auth} -G {gateway}/v1/contacts --data-urlencode 'filter=family_name = "Lovelace"'
    curl -s {auth} '{gateway}/v1/contacts?q=ada+lov'

  `make status` shows the processes, `make logs` what they say, `make down` stops them."""


def _start(quiet: bool) -> dict[str, Any]:
    from cli.local import client, packages, rabbitmq
    from cli.local.options import Options

    def progress(event: dict[str, Any]) -> None:
        if not quiet and event["state"] == "ready":
            click.echo(f"  {event['name']:<22} ready after {event['seconds']:5.1f} s")

    options = Options.from_environment(os.environ)
    if not options.amqp_uri and rabbitmq.launcher() is None and not quiet:
        click.echo("Installing RabbitMQ with the system's package manager (sudo may ask for your password)…")
    packages.ensure_rabbitmq(options)
    if not quiet:
        click.echo("Starting Kith:")
    return client.start(home(), progress)


def _fail(problem: str, fix: str, json_: bool) -> NoReturn:
    if json_:
        click.echo(json.dumps({"problem": problem, "fix": fix}, indent=2))
    else:
        click.echo(f"\nKith could not be started; nothing was left running.\n\n{problem}\n\n{fix}", err=True)
    sys.exit(1)
