"""`kith demo`: fills the running platform with a believable generated company."""

from __future__ import annotations

import click

from cli.running import home


@click.command()
def demo() -> None:
    """Fill the running platform with a believable generated company, through its public API."""
    from cli import demo as company
    from cli.local import client

    document = client.read(home())
    if document is None:
        raise click.ClickException("Kith is not up; start it first: make up")
    company.run(document["gateway"], document["api_key"])
