"""`kith scaffold`: writes the gRPC service of a new record."""

from __future__ import annotations

import click

from cli.proto import SOURCES
from cli.scaffold import path_of, service_proto


@click.command()
@click.argument("service")
@click.argument("singular")
@click.argument("plural")
@click.option("--read-only", is_flag=True, help="Only the reading methods, for a record that no caller writes.")
def scaffold(service: str, singular: str, plural: str, read_only: bool) -> None:
    """Write the gRPC service of a record, for example: kith scaffold contact Segment Segments.

    The record's message must be declared beside it: CONTRIBUTING.md tells how.
    """
    path = SOURCES / path_of(service, singular)
    if path.exists():
        raise click.ClickException(f"{path.relative_to(SOURCES.parent)} exists already; delete it to write it anew")
    if not path.parent.is_dir():
        raise click.ClickException(f"there is no service {service} among the protos")
    path.write_text(service_proto(service, singular, plural, read_only=read_only))
    click.echo(f"Wrote {path.relative_to(SOURCES.parent)}")
