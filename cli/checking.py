"""`kith lint | test | cluster-test | bench | proto`: what a contributor runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from cli.running import ROOT, as_json

SOURCES = ("services", "gateway", "cli", "tests")


@click.command()
@as_json
def lint(json_: bool) -> None:
    """Check style (ruff), types (mypy), imports (import-linter) and protos (buf): all of them, even if one fails."""
    results = [_check(name, run, json_) for name, run in _checks().items()]
    if json_:
        click.echo(json.dumps(results, indent=2))
    failed = [str(result["check"]) for result in results if result["exit_code"]]
    if failed:
        click.echo(f"lint failed: {', '.join(failed)}", err=True)
        sys.exit(1)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> None:
    """Run the whole test suite, or what pytest's ARGUMENTS choose.

    The servers that the tests need are started on free ports and stopped again; a running platform is not touched.
    """
    from cli.local import packages
    from cli.local.failure import StartFailed
    from cli.local.options import Options

    try:
        packages.ensure_rabbitmq(Options())
    except StartFailed as failure:
        raise click.ClickException(str(failure)) from failure
    os.chdir(ROOT)
    # Half of the time tests wait for servers, so they run in two processes; `-n 0` runs them in this one.
    spread = ["-n", "2", "--dist", "loadgroup"]
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *spread, *arguments])


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def cluster_test(arguments: tuple[str, ...]) -> None:
    """Run the tests of images and chart in a Kubernetes cluster, or what pytest's ARGUMENTS choose.

    Of the environment: KUBECONFIG names the cluster, IMAGE_LOAD the command that gives it images, such as
    `kind load docker-image`; tests/cluster/conftest.py tells the rest. kubectl and helm must be in the PATH.
    """
    missing = [name for name in ("KUBECONFIG", "IMAGE_LOAD") if not os.environ.get(name)]
    missing += [program for program in ("kubectl", "helm") if shutil.which(program) is None]
    if missing:
        raise click.ClickException(f"no cluster to test in: there is no {', no '.join(missing)}")
    os.chdir(ROOT)
    # The tests share one installation, so they run one after the other; -s shows what they count as they count it.
    os.execv(
        sys.executable,
        [sys.executable, "-m", "pytest", "-n", "0", "-s", "-v", "--tb=short", "tests/cluster", *arguments],
    )


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(arguments: tuple[str, ...]) -> None:
    """Measure requests per second, latency and CPU time per request."""
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "tests.load.bench", *arguments])


@click.command()
def proto() -> None:
    """Generate Python code and the descriptor set from the protos, into build/proto."""
    from cli import proto as protos

    try:
        output = protos.generate()
    except subprocess.CalledProcessError as failure:
        raise click.ClickException("protoc refused the protos; it says above what and where") from failure
    click.echo(f"Generated {output.relative_to(ROOT)}")


def _checks() -> dict[str, Callable[[], int]]:
    from cli import proto as protos

    folders = [folder for folder in SOURCES if (ROOT / folder).exists()]
    programs = Path(sys.executable).parent
    return {
        "ruff check": lambda: _program(str(programs / "ruff"), "check", "--quiet", *folders),
        "ruff format": lambda: _program(str(programs / "ruff"), "format", "--check", "--quiet", *folders),
        "mypy": lambda: _program(sys.executable, "-m", "mypy", "--strict", *folders),
        "import-linter": lambda: _program(str(programs / "lint-imports"), "--no-logo"),
        "buf lint": protos.lint,
        "buf breaking": protos.breaking,
    }


def _check(name: str, run: Callable[[], int], quiet: bool) -> dict[str, object]:
    began = time.monotonic()
    code = run()
    seconds = round(time.monotonic() - began, 1)
    if not quiet:
        click.echo(f"{name:<16}{'ok' if code == 0 else 'FAILED':<8}{seconds:5.1f} s")
    return {"check": name, "exit_code": code, "seconds": seconds}


def _program(*command: str) -> int:
    return subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False).returncode
