"""Keeps one process running: starts it, waits until it is ready, starts it again when it dies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

from cli.local.board import Board, State
from cli.local.failure import StartFailed, last_lines
from cli.local.leftovers import MARK
from cli.local.unit import Unit

ROOT = Path(__file__).resolve().parents[2]  # where `python -m services.contact` is found
READY_TIMEOUT_SECONDS = 120.0  # a busy machine takes its time
FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 30.0
HEALTHY_SECONDS = 60.0  # after that long a process has earned a quick restart again
_POLL_SECONDS = 0.1


class Keeper(threading.Thread):
    """One thread per process, for as long as the platform runs.

    A death before the first readiness fails the platform's start; every later one is followed by a restart after
    0.2 s, doubling to 30 s. `turns` bounds how many start for the first time at once.
    """

    def __init__(self, unit: Unit, home: Path, board: Board, turns: threading.Semaphore) -> None:
        super().__init__(name=f"keeper-{unit.name}", daemon=True)
        self.unit = unit
        self.log = home / "log" / f"{unit.name}.log"
        self._home = home
        self._board = board
        self._turns = turns
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._delay_seconds = FIRST_DELAY_SECONDS
        board.update(unit.name, address=unit.address)

    def run(self) -> None:
        if not self._board.wait_until_ready(self.unit.after):
            return
        with self._turns:
            problem = self._start()
        if problem:
            self._board.fail(self._failure(problem))
        while not (problem or self._stopping.is_set()):
            self._live_and_die()
        self._end()
        self._board.update(self.unit.name, state=State.STOPPED, pid=0)

    def stop(self) -> None:
        """Asks the process to end and its keeper with it; `join` waits for both."""
        self._stopping.set()
        self.send(signal.SIGTERM)

    def send(self, number: signal.Signals) -> bool:
        """Sends a signal; False when there is no process now."""
        process = self._process
        if process is None or process.poll() is not None:
            return False
        process.send_signal(number)
        return True

    def _start(self) -> str:
        """Starts the process and waits until it is ready; returns what went wrong, or ""."""
        if self._stopping.is_set():
            return "was stopped before it started"
        self._process = self._spawn()
        self._board.update(self.unit.name, state=State.STARTING, pid=self._process.pid)
        return self._await_ready(self._process)

    def _await_ready(self, process: subprocess.Popen[bytes]) -> str:
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while process.poll() is None:
            if self._stopping.is_set():
                return ""
            if self.unit.ready():
                self._board.update(self.unit.name, state=State.READY)
                return ""
            if time.monotonic() > deadline:
                return f"was not ready after {READY_TIMEOUT_SECONDS:.0f} s"
            self._stopping.wait(_POLL_SECONDS)
        return f"died at start ({_ending(process.returncode)})"

    def _live_and_die(self) -> None:
        """Waits for the process's death and starts it again after the delay."""
        process = self._process
        assert process is not None
        started = time.monotonic()
        ending = _ending(process.wait())
        if self._stopping.is_set():
            return
        if time.monotonic() - started > HEALTHY_SECONDS:
            self._delay_seconds = FIRST_DELAY_SECONDS
        self._await_restart(ending)
        if self._stopping.is_set():
            return
        # No turn is taken here: one that waits for another to come back must not keep it from doing so.
        problem = self._start()
        if problem:
            self._end()

    def _await_restart(self, ending: str) -> None:
        restarts = self._board.statuses()[self.unit.name].restarts + 1
        self._board.update(
            self.unit.name,
            state=State.RESTARTING,
            pid=0,
            restarts=restarts,
            last_exit=ending,
            last_exit_time=time.time(),
        )
        self._stopping.wait(self._delay_seconds)
        self._delay_seconds = min(self._delay_seconds * 2, LONGEST_DELAY_SECONDS)

    def _end(self) -> None:
        """Ends the process if it still runs: SIGTERM, the unit's grace, SIGKILL."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(self.unit.grace_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*dies_with_its_keeper(), *self.unit.command],
                env={**os.environ, **self.unit.environment, MARK: str(self._home)},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A Ctrl-C in the terminal is for the supervisor: it stops the others in order.
                start_new_session=True,
            )

    def _failure(self, problem: str) -> StartFailed:
        return StartFailed(
            f"{self.unit.name} {problem}. Its last lines:\n{last_lines(self.log)}",
            f"Mend what they name and start again; the whole log is {self.log}.",
        )


def dies_with_its_keeper() -> list[str]:
    """A command prefix: the process is killed when the thread that started it is gone, even by SIGKILL.

    All go at once then, so there is nobody left with whom a process could finish its work: SIGTERM would only have
    some wait for the others.
    """
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "KILL", "--"] if program else []


def _ending(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
