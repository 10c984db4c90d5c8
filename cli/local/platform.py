"""A whole Kith on one machine: its servers and processes as one thing that starts, heals and stops."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from cli.local import demo_tenant, leftovers
from cli.local.board import Board, State, Status
from cli.local.demo_tenant import Credentials
from cli.local.failure import StartFailed
from cli.local.keeper import Keeper
from cli.local.options import Options
from cli.local.plan import Addresses, Plan, plan
from cli.local.unit import Step

_SERVERS_AT_ONCE = 16  # they wait for the disk and for each other, not for a core


class Platform:
    """One platform in the folder `home`, which holds everything it writes.

    Several can run beside each other, each in its own home with its own ports:

        with Platform(tmp_path, Options(gateway_port=0, traces_port=0)) as platform:
            client = httpx.Client(base_url=platform.addresses.gateway)
            platform.kill("contact-api")
            platform.wait_until_ready("contact-api")

    services: False runs MongoDB, RabbitMQ, the mailbox and the trace viewer only.
    changed: called after each change of a process's status, from any thread.
    planned: what the platform consists of; tests hand in small processes.
    """

    def __init__(
        self,
        home: Path,
        options: Options | None = None,
        *,
        services: bool = True,
        changed: Callable[[str, Status], None] = lambda name, status: None,
        planned: Callable[[Path, Options, bool], Plan] = plan,
    ) -> None:
        self.home = home.resolve()
        self._options = options or Options()
        self._services = services
        self._planned = planned
        self._board = Board(changed)
        self._keepers: dict[str, Keeper] = {}
        self._plan: Plan | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def addresses(self) -> Addresses:
        """Where everything is reached; RuntimeError before `start`."""
        if self._plan is None:
            raise RuntimeError("the platform has not been started")
        return self._plan.addresses

    @property
    def credentials(self) -> Credentials:
        """The demo tenant's login and API key, once `start` has returned."""
        return demo_tenant.read(self.home)

    def start(self, given_up: Callable[[], bool] = lambda: False) -> None:
        """Starts everything and returns when all of it is ready.

        given_up: asked several times a second; True ends the start.

        Raises:
            StartFailed: something cannot run; whatever had been started is stopped.
        """
        leftovers.end(self.home)
        self._plan = self._planned(self.home, self._options, self._services)
        servers, processes = (
            threading.Semaphore(_SERVERS_AT_ONCE),
            threading.Semaphore((os.cpu_count() or 1) + 1),
        )
        for unit in self._plan.units:
            turns = servers if unit.server else processes
            self._keepers[unit.name] = Keeper(unit, self.home, self._board, turns)
        threads = [
            *self._keepers.values(),
            *(self._thread(step, processes) for step in self._plan.steps),
        ]
        for thread in threads:
            thread.start()
        try:
            self._board.wait_for_start(self._plan.names(), given_up)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops every process, the servers last; harmless when nothing runs."""
        self._board.close()
        for servers in (False, True):
            group = [keeper for keeper in self._keepers.values() if keeper.unit.server is servers]
            for keeper in group:
                keeper.stop()
            for keeper in group:
                keeper.join(keeper.unit.grace_seconds + 5)
        leftovers.end(self.home)

    def pid(self, name: str) -> int:
        """The process id of `name` now; KeyError while it has none."""
        return self.pids()[name]

    def pids(self) -> dict[str, int]:
        """Name → process id, of the processes that live now."""
        return {name: status.pid for name, status in self.statuses().items() if status.pid}

    def statuses(self) -> dict[str, Status]:
        """Name → status of every process."""
        return {name: status for name, status in self._board.statuses().items() if name in self._keepers}

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Sends a signal to a process; KeyError while it has none. It is started again if it dies.

        Returns from SIGKILL when the death has been noticed, so that `wait_until_ready` waits for the next life.
        """
        pid = self.pid(name)
        os.kill(pid, number)
        if number is signal.SIGKILL:
            self._board.wait_for(lambda: self.pids().get(name) != pid, timeout_seconds=5)

    def wait_until_ready(self, *names: str, timeout_seconds: float = 60.0) -> None:
        """Waits until these processes (all, if none is named) are ready again; TimeoutError if they are not."""

        def late() -> list[str]:
            statuses = self.statuses()
            return [name for name in names or statuses if statuses[name].state is not State.READY]

        if not self._board.wait_for(lambda: not late(), timeout_seconds):
            raise TimeoutError(f"not ready after {timeout_seconds:.0f} s: {', '.join(late())}")

    def describe(self) -> dict[str, object]:
        """What scripts need, as in `.kith/up.json`; for a platform with services, once it has started."""
        addresses = self.addresses
        document: dict[str, object] = {
            "gateway": addresses.gateway,
            "grpc": dict(addresses.grpc),
            "traces": addresses.traces,
            "mailbox": addresses.mailbox,
            "mongodb_uri": addresses.mongodb,
            "amqp_uri": addresses.amqp,
            "smtp_uri": addresses.smtp,
            "pids": self.pids(),
            "processes": {name: status.as_json() for name, status in self.statuses().items()},
        }
        if self._services:
            credentials = self.credentials
            document["api_key"] = credentials.api_key
            document["login"] = {
                "tenant": credentials.tenant,
                "email": credentials.email,
                "password": credentials.password,
            }
        return document

    def _thread(self, step: Step, turns: threading.Semaphore) -> threading.Thread:
        return threading.Thread(target=self._run, args=(step, turns), name=f"step-{step.name}", daemon=True)

    def _run(self, step: Step, turns: threading.Semaphore) -> None:
        if not self._board.wait_until_ready(step.after):
            return
        try:
            with turns:
                self._board.update(step.name, state=State.STARTING)
                step.run()
        except StartFailed as failure:
            self._board.fail(failure)
        except Exception as error:  # noqa: BLE001 - whatever it is, the start must not wait for it for ever
            self._board.fail(StartFailed(f"{step.name} failed: {error!r}", f"Look into {self.home / 'log'}."))
        else:
            self._board.update(step.name, state=State.READY)
