"""Starts, finds and stops the supervisor of a home, from another process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cli.local import leftovers
from cli.local.failure import StartFailed, last_lines
from cli.local.keeper import ROOT
from cli.local.supervisor import UP, holder

STOP_TIMEOUT_SECONDS = 60.0
_KEPT_RUNS_SUFFIX = ".previous"


def read(home: Path) -> dict[str, Any] | None:
    """The home's `up.json`; None when no platform is up there."""
    if not holder(home):
        return None
    with suppress(FileNotFoundError):
        document: dict[str, Any] = json.loads((home / UP).read_text())
        return document
    return None


def start(home: Path, progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Starts a supervisor that outlives this process and follows it until the platform is up; returns `up.json`.

    An interruption (Ctrl-C) stops everything again.

    Raises:
        StartFailed: something cannot run; nothing is left running.
    """
    if holder(home):
        raise StartFailed(f"Another start or stop is under way in {home}.", "Wait for it, or end it: make down")
    _put_logs_aside(home)
    with _supervisor(home) as (process, events):
        for event in events:
            if "problem" in event:
                process.wait()
                raise StartFailed(event["problem"], event["fix"])
            if "up" in event:
                up: dict[str, Any] = event["up"]
                return up
            progress(event)
        process.wait()
    log = home / "log" / "supervisor.log"
    raise StartFailed(
        f"The supervisor ended unexpectedly. Its last lines:\n{last_lines(log)}", f"The whole log is {log}."
    )


def stop(home: Path) -> bool:
    """Stops the platform of `home` and whatever an earlier one left; False when there was nothing to stop."""
    pid = holder(home)
    if pid:
        with suppress(ProcessLookupError):
            os.kill(pid, 15)
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        while holder(home) == pid and time.monotonic() < deadline:
            time.sleep(0.1)
        if holder(home) == pid:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
    left = leftovers.end(home)
    (home / UP).unlink(missing_ok=True)
    return bool(pid or left)


@contextmanager
def _supervisor(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], Iterator[dict[str, Any]]]]:
    (home / "log").mkdir(parents=True, exist_ok=True)
    reading, writing = os.pipe()
    with (home / "log" / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.local.supervisor", str(home), str(writing)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
            start_new_session=True,
        )
    os.close(writing)
    try:
        with os.fdopen(reading) as lines:
            yield process, (json.loads(line) for line in lines)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise


def _put_logs_aside(home: Path) -> None:
    """Each run has logs of its own; those of the run before are kept beside them."""
    for log in (home / "log").glob("*.log"):
        log.replace(log.with_suffix(log.suffix + _KEPT_RUNS_SUFFIX))
