"""The process that holds a platform: `python -m cli.local.supervisor HOME REPORT_FD`.

It holds the lock `HOME/supervisor.lock` (its process id inside) as long as it lives, keeps `HOME/up.json` current while
the platform is up, and stops everything at SIGTERM or SIGINT. What happens during the start goes to the file
descriptor as JSON, one object a line: {"name", "state", "seconds"}, at last {"up": {…}} or {"problem", "fix"}.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

from cli.local.board import Status
from cli.local.failure import StartFailed
from cli.local.files import write_atomically
from cli.local.options import Options
from cli.local.platform import Platform

_log = logging.getLogger(__name__)

UP = "up.json"
LOCK = "supervisor.lock"


class Supervisor:
    """One platform from its start to the signal that ends it."""

    def __init__(self, home: Path, report: TextIO) -> None:
        self._home = home
        self._report = report
        self._asked_to_end = threading.Event()
        self._writing = threading.Lock()
        self._up = False
        self._began = time.monotonic()
        self._platform: Platform | None = None

    def run(self) -> int:
        """Returns the exit code once everything is stopped: 0 after a signal, 1 when the start failed."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._asked_to_end.set())
        try:
            options = Options.from_environment(os.environ)
            self._platform = Platform(self._home, options, changed=self._changed)
            self._platform.start(given_up=self._asked_to_end.is_set)
        except StartFailed as failure:
            self._tell(problem=failure.problem, fix=failure.fix)
            return 1
        self._hold(self._platform)
        return 0

    def _hold(self, platform: Platform) -> None:
        try:
            self._up = True
            self._write(platform)
            self._tell(up=platform.describe())
            self._report.close()
            self._asked_to_end.wait()
        finally:
            with self._writing:
                self._up = False
                (self._home / UP).unlink(missing_ok=True)
            platform.stop()

    def _changed(self, name: str, status: Status) -> None:
        if self._platform and self._up:
            _log.info("%s is %s %s", name, status.state, status.last_exit)
            self._write(self._platform)
        elif not self._up:
            self._tell(name=name, state=status.state, seconds=round(time.monotonic() - self._began, 1))

    def _write(self, platform: Platform) -> None:
        with self._writing:
            if self._up:
                document = {**platform.describe(), "supervisor": os.getpid()}
                write_atomically(self._home / UP, json.dumps(document, indent=2))

    def _tell(self, **event: object) -> None:
        """The one who started us may be gone: that is no reason to stop."""
        try:
            self._report.write(json.dumps(event) + "\n")
            self._report.flush()
        except (OSError, ValueError):
            pass


def lock(home: Path) -> TextIO | None:
    """Takes the home's lock for this process and writes its id into it; None when another process holds it."""
    home.mkdir(parents=True, exist_ok=True)
    file = (home / LOCK).open("a+")
    for _ in range(10):  # `holder` takes the lock for a moment, to see whether it can
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)
            continue
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file
    file.close()
    return None


def holder(home: Path) -> int:
    """The process id of the home's supervisor, 0 when there is none."""
    try:
        with (home / LOCK).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return 0
    except FileNotFoundError:
        return 0
    except BlockingIOError:
        return int((home / LOCK).read_text() or 0)


def main() -> int:
    home, report = Path(sys.argv[1]).resolve(), os.fdopen(int(sys.argv[2]), "w")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("amqp").setLevel(logging.WARNING)
    held = lock(home)
    if held is None:
        report.write(json.dumps({"problem": f"Another platform runs in {home}.", "fix": "make down"}) + "\n")
        return 1
    with held:
        return Supervisor(home, report).run()


if __name__ == "__main__":
    sys.exit(main())
