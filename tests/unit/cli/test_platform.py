from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from cli.local import leftovers
from cli.local.board import State, Status
from cli.local.failure import StartFailed
from cli.local.platform import Platform
from cli.local.ports import Ports
from cli.local.readiness import answers
from cli.local.unit import Step
from tests.unit.cli.standins import alive, eventually, planned, script, web


def test_a_started_platform_answers_and_a_stopped_one_left_nothing_running(tmp_path: Path) -> None:
    units = [web("first", tmp_path), web("second", tmp_path)]
    with Platform(tmp_path, planned=planned(*units), services=False) as platform:
        pids = platform.pids()
        assert all(answers(unit.address) for unit in units)
    assert set(pids) == {"first", "second"}
    assert not any(alive(pid) for pid in pids.values())


def test_a_killed_process_comes_back_at_the_same_address_and_says_how_it_died(tmp_path: Path) -> None:
    unit = web("only", tmp_path)
    with Platform(tmp_path, planned=planned(unit), services=False) as platform:
        before = platform.pid("only")
        platform.kill("only")
        platform.wait_until_ready("only", timeout_seconds=60)
        status = platform.statuses()["only"]
        assert platform.pid("only") != before
        assert answers(unit.address)
        assert (status.restarts, status.last_exit) == (1, "killed by SIGKILL")


def test_the_delay_before_a_restart_grows_while_a_process_keeps_dying(tmp_path: Path) -> None:
    with Platform(tmp_path, planned=planned(web("weak", tmp_path)), services=False) as platform:
        waits = []
        for _ in range(3):
            died = time.monotonic()
            platform.kill("weak")
            assert eventually(lambda: platform.statuses()["weak"].state is not State.RESTARTING)
            waits.append(time.monotonic() - died)
            platform.wait_until_ready("weak", timeout_seconds=60)
    assert all(waited >= least - 0.02 for waited, least in zip(waits, (0.2, 0.4, 0.8), strict=True))


def test_a_process_that_dies_at_start_is_named_with_its_last_words_and_the_others_are_stopped(
    tmp_path: Path,
) -> None:
    seen: dict[str, int] = {}

    def note(name: str, status: Status) -> None:
        seen[name] = status.pid or seen.get(name, 0)

    units = [
        web("healthy", tmp_path),
        script("sick", "import time; time.sleep(1); raise SystemExit('no database')"),
    ]
    platform = Platform(tmp_path, planned=planned(*units), services=False, changed=note)
    with pytest.raises(StartFailed) as failure:
        platform.start()
    assert "sick died at start (exit code 1)" in failure.value.problem
    assert "no database" in failure.value.problem
    assert str(tmp_path / "log" / "sick.log") in failure.value.fix
    assert seen["healthy"]
    assert not alive(seen["healthy"])


def test_a_failed_step_ends_the_start_and_what_waits_for_it_never_runs(tmp_path: Path) -> None:
    def refuse() -> None:
        raise StartFailed("The database is from the future.", "Upgrade Kith.")

    step = Step(name="migrate", run=refuse)
    platform = Platform(
        tmp_path, planned=planned(web("api", tmp_path, after=("migrate",)), steps=(step,)), services=False
    )
    with pytest.raises(StartFailed, match="from the future"):
        platform.start()
    assert not (tmp_path / "log" / "api.log").exists()


def test_a_process_starts_only_when_what_it_needs_is_ready(tmp_path: Path) -> None:
    order: list[str] = []

    def note(name: str, status: Status) -> None:
        if status.state in {State.STARTING, State.READY}:
            order.append(f"{name} {status.state}")

    units = [web("api", tmp_path, after=("prepare",)), web("server", tmp_path)]
    step = Step(name="prepare", run=lambda: None, after=("server",))
    with Platform(tmp_path, planned=planned(*units, steps=(step,)), services=False, changed=note):
        pass
    assert [event for event in order if event.endswith("ready")] == [
        "server ready",
        "prepare ready",
        "api ready",
    ]
    assert order.index("api starting") > order.index("prepare ready")


def test_a_start_that_is_given_up_leaves_nothing_running(tmp_path: Path) -> None:
    slow = script("slow", "import time; time.sleep(60)")
    platform = Platform(tmp_path, planned=planned(slow), services=False)
    began = time.monotonic()
    with pytest.raises(StartFailed, match="interrupted"):
        platform.start(given_up=lambda: bool(platform.pids()))
    assert time.monotonic() - began < 30
    assert platform.pids() == {}


def test_a_lost_platform_leaves_nothing_running_and_the_next_one_starts(tmp_path: Path) -> None:
    unit = web("only", tmp_path)
    child = os.fork()
    if child == 0:  # a supervisor that is killed without a chance to stop anything
        os.setsid()
        Platform(tmp_path, planned=planned(unit), services=False).start()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert eventually(lambda: leftovers.find(tmp_path) == [])
    with Platform(tmp_path, planned=planned(unit), services=False) as platform:
        assert answers(unit.address)
        assert platform.statuses()["only"].restarts == 0


def test_a_port_is_kept_over_restarts_and_given_up_only_when_somebody_else_has_it(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    port = Ports(file).take("api")
    assert Ports(file).take("api") == port
    with Platform(tmp_path, planned=planned(web("api", tmp_path)), services=False):
        ports = Ports(tmp_path / "api-ports.json")
        taken = int(Ports(tmp_path / "api-ports.json").take("other"))
        assert ports.take("api") != taken
