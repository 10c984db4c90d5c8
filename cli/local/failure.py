"""What stops the platform from starting, said so that the reader can mend it."""

from __future__ import annotations

from pathlib import Path


class StartFailed(Exception):
    """The platform cannot run: `problem` says what is wrong, `fix` what to do about it."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"{problem}\n{fix}")
        self.problem = problem
        self.fix = fix


def last_lines(log: Path, count: int = 12) -> str:
    """The last `count` lines of a log, indented; says so when there are none."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-count:]
    except FileNotFoundError:
        lines = []
    return "\n".join(f"    {line[:400]}" for line in lines) or "    (it wrote nothing)"
