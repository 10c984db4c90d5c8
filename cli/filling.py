"""`kith demo`: fills the running platform with a believable generated company."""

from __future__ import annotations

import dataclasses
import json

import click

from cli.running import as_json, home


@click.command()
@click.option("--seed", default=7, show_default=True, help="Another seed makes another company.")
@click.option(
    "--scale",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.01, 2),
    help="How large: 1 has 320 accounts, some 1,000 contacts, 440 opportunities and 420 cases.",
)
@as_json
def demo(seed: int, scale: float, json_: bool) -> None:
    """Fill the running platform with a believable generated company, through its public API.

    It is made once: a second run adds nothing, and a run that was interrupted goes on when it is started again. What it
    makes has external ids that begin with `demo:`. All mail addresses end in .example and reach nobody; the team is
    notified of new leads, won deals and solved cases at theirs, some hundred mails in the local mailbox.
    """
    from cli.demo.client import Refused
    from cli.demo.filling import fill
    from cli.local import client

    document = client.read(home())
    if document is None:
        raise click.ClickException("Kith is not up; start it first: make up")

    def progress(what: str, seconds: float) -> None:
        if not json_:
            click.echo(f"  {what:<26} after {seconds:5.1f} s")

    try:
        made = fill(document["gateway"], document["api_key"], progress, seed=seed, scale=scale)
    except Refused as refused:
        raise click.ClickException(f"{refused}\nStarted again, it goes on from here.") from refused
    if json_:
        click.echo(json.dumps(dataclasses.asdict(made), indent=2))
    elif made.already:
        click.echo(f"The company is there already (seed {made.seed}, made on {made.day}): nothing was added.")
    else:
        counts = ", ".join(f"{count:,} {plural}" for plural, count in made.created.items())
        click.echo(f"Made in {made.seconds:g} s, with {made.changes:,} changes of their history: {counts}.")
        click.echo("Timelines and mails follow behind the scenes and are complete a little later.")
