"""`kith images`: builds the container images of a checkout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import click

from cli.images import builders, source
from cli.images.making import BILL, TARGETS, Made, Wish, make
from cli.running import ROOT, as_json

FOLDER = ROOT / "build" / "images"


@click.command()
@click.option("--tag", help="Tag of the images; the version and the commit by default.")
@click.option("--registry", default="", help="Name them for this registry as well: registry.example.com/crm.")
@click.option("--base-image", help="What they run on; python:3.11-slim by default.")
@click.option("--build-image", help="What they are made with, when the base image has no shell and no pip.")
@click.option("--target", "targets", type=click.Choice(TARGETS), multiple=True, help="Only this one; all by default.")
@click.option(
    "--secret", "secrets", multiple=True, help="For private indexes: id=pip,src=pip.conf and id=ca,src=ca.pem."
)
@click.option("--push", is_flag=True, help="Send them to the registry.")
@click.option("--builder", type=click.Choice([program.name for program in builders.PROGRAMS]), help="Use this one.")
@as_json
def images(
    tag: str | None,
    registry: str,
    base_image: str | None,
    build_image: str | None,
    targets: Sequence[str],
    secrets: Sequence[str],
    push: bool,
    builder: str | None,
    json_: bool,
) -> None:
    """Build the container images with docker, podman or buildah: with the first one that works.

    Each is named localhost/kith-<target>:<tag>. build/images then holds their bill of materials (CycloneDX), the list
    of what was built, and what the builder said.
    """
    if push and not registry:
        raise click.UsageError("--push needs --registry: where should they go?")
    checkout = source.look(ROOT)
    given = _build_arguments(BASE_IMAGE=base_image, BUILD_IMAGE=build_image)
    given += [part for secret in secrets for part in ("--secret", secret)]
    wish = Wish(checkout, tag or checkout.version, targets or TARGETS, registry, given)
    try:
        made = _make(builders.find(builder), wish, push, quiet=json_)
    except (builders.NoBuilder, builders.BuildFailed) as failure:
        raise click.ClickException(str(failure)) from failure
    if json_:
        click.echo(json.dumps({"version": checkout.version, "images": [asdict(one) for one in made]}, indent=2))
    else:
        click.echo(f"Bill of materials: {(FOLDER / BILL).relative_to(ROOT)}")


def _make(builder: builders.Builder, wish: Wish, push: bool, quiet: bool) -> list[Made]:
    if not quiet:
        click.echo(f"Building Kith {wish.source.version} with {builder.program.name}:")
    made = []
    for one in make(builder, ROOT, FOLDER, wish):
        made.append(one)
        if not quiet:
            click.echo(f"  {one.names[-1]:<56} {one.size / 1e6:5.0f} MB  {one.seconds:5.1f} s")
    for one in made if push else ():
        builder.push(one.names[-1])
        if not quiet:
            click.echo(f"  pushed {one.names[-1]}")
    return made


def _build_arguments(**values: str | None) -> list[str]:
    return [part for name, value in values.items() if value for part in ("--build-arg", f"{name}={value}")]
