"""Programs that the tests run: kubectl, helm, and what the environment names."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence


class CommandFailed(AssertionError):
    """A program ended with another status than 0; its message holds what the program said."""

    def __init__(self, argv: Sequence[str], status: int | str, said: str) -> None:
        super().__init__(f"{shlex.join(argv)} ended with {status}:\n{said.strip()}")
        self.said = said


def run(*argv: str, stdin: str | None = None, timeout_seconds: float = 120.0) -> str:
    """What a program printed.

    Raises:
        CommandFailed: it ended with another status than 0, or did not end within the time.
    """
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout_seconds, check=False)
    except subprocess.TimeoutExpired as late:
        raise CommandFailed(argv, f"no answer within {timeout_seconds:g} s", str(late.stderr or "")) from late
    if done.returncode:
        raise CommandFailed(argv, done.returncode, done.stderr + done.stdout)
    return done.stdout
