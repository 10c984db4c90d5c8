"""What `kith` offers in a checkout, and in an image, which holds no source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from cli.__main__ import ANYWHERE, CHECKOUT, group


def test_every_command_is_there_in_a_checkout() -> None:
    offered = group(checkout=True)
    with offered.make_context("kith", ["--help"], resilient_parsing=True) as context:
        assert all(offered.get_command(context, name) for name in {**CHECKOUT, **ANYWHERE})


def test_an_image_offers_what_needs_no_checkout() -> None:
    told = CliRunner().invoke(group(checkout=False), ["--help"]).output
    assert "events" in told
    assert "lint" not in told


def test_what_needs_a_checkout_says_so_in_one_line() -> None:
    done = CliRunner().invoke(group(checkout=False), ["lint"])
    assert done.exit_code == 1
    assert done.output == "Error: kith lint: This works in a checkout of Kith's source only, which an image is not.\n"


def test_pushing_without_a_registry_is_refused_before_anything_is_built() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli", "images", "--push"],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--push needs --registry" in done.stderr
