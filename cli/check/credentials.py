"""As whom a check acts: options that its commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]


def options(command: Command) -> Command:
    """Adds --gateway, --tenant and --api-key-file."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given(tenant: str, api_key_file: Path | None) -> str:
    """The API key that is given in a file or as KITH_API_KEY; "" when a tenant is to be made.

    Raises:
        click.UsageError: neither a tenant nor a key is given, or both are.
    """
    if tenant and not api_key_file:
        return ""
    key = api_key_file.read_text().strip() if api_key_file else os.environ.get("KITH_API_KEY", "")
    if tenant or not key:
        raise click.UsageError("Give either --tenant, with MONGODB_URI set, or --api-key-file (or KITH_API_KEY).")
    return key


def _url(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise click.BadParameter(f"{text} is no http:// or https:// URL")
    return text.rstrip("/")


_OPTIONS = (
    click.option("--gateway", required=True, metavar="URL", callback=_url, help="Where the gateway is."),
    click.option("--tenant", default="", metavar="SLUG", help="Make this tenant if it is missing, and act in it."),
    click.option(
        "--api-key-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Act with this API key instead (or KITH_API_KEY), in its tenant.",
    ),
)
