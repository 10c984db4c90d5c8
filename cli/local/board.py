"""What is known about each process of a platform, shared by the threads that start and watch them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from cli.local.failure import StartFailed


class State(StrEnum):
    """Where a process or step is in its life."""

    WAITING = "waiting"  # for what it needs
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"  # it died and waits for its next start
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Status:
    """One process or step; times are seconds since the epoch.

    restarts: how often it was started again. last_exit: how it ended the last time, in words; "" when it never did.
    """

    state: State = State.WAITING
    pid: int = 0
    since: float = 0.0
    restarts: int = 0
    last_exit: str = ""
    last_exit_time: float = 0.0
    address: str = ""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


class Board:
    """The status of every process; `changed` is called after each change, outside the lock."""

    def __init__(self, changed: Callable[[str, Status], None]) -> None:
        self._changed = changed
        self._condition = threading.Condition(threading.RLock())
        self._statuses: dict[str, Status] = {}
        self._ever_ready: set[str] = set()
        self._failure: StartFailed | None = None
        self._closed = False

    def update(self, name: str, **fields: object) -> None:
        """Changes some fields of a status; a new state also sets `since`."""
        with self._condition:
            before = self._statuses.get(name, Status())
            if "state" in fields and fields["state"] is not before.state:
                fields["since"] = time.time()
            after = replace(before, **fields)  # type: ignore[arg-type] # the fields are those of Status
            self._statuses[name] = after
            if after.state is State.READY:
                self._ever_ready.add(name)
            self._condition.notify_all()
        self._changed(name, after)

    def statuses(self) -> dict[str, Status]:
        with self._condition:
            return dict(self._statuses)

    def fail(self, failure: StartFailed) -> None:
        """The platform cannot start; the first failure is the one that is told."""
        with self._condition:
            self._failure = self._failure or failure
            self._condition.notify_all()

    def close(self) -> None:
        """Nobody waits any longer."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def wait_until_ready(self, names: Iterable[str]) -> bool:
        """Waits until each of `names` has been ready once; False when the start failed or was given up."""
        wanted = set(names)
        with self._condition:
            self._condition.wait_for(lambda: self._over() or wanted <= self._ever_ready)
            return not self._over()

    def wait_for_start(self, names: Iterable[str], given_up: Callable[[], bool]) -> None:
        """Waits until each of `names` has been ready once.

        Raises:
            StartFailed: one of them could not start, or `given_up` became true.
        """
        wanted = set(names)
        with self._condition:
            while not (self._over() or given_up() or wanted <= self._ever_ready):
                self._condition.wait(timeout=0.2)
            if self._failure:
                raise self._failure
            if self._closed or given_up():
                raise StartFailed(
                    "The start was interrupted.",
                    "Everything that had been started is stopped again.",
                )

    def wait_for(self, reached: Callable[[], bool], timeout_seconds: float) -> bool:
        """Waits until `reached`, which is asked after each change, is true; False after `timeout_seconds`."""
        with self._condition:
            return self._condition.wait_for(reached, timeout_seconds)

    def _over(self) -> bool:
        return self._closed or self._failure is not None
