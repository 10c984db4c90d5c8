from __future__ import annotations

from pathlib import Path

import pytest

from cli.local import packages, rabbitmq
from cli.local.failure import StartFailed
from cli.local.options import Options


def test_where_there_is_no_apt_the_reader_learns_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbitmq, "LAUNCHERS", (tmp_path / "rabbitmq-server",))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StartFailed) as failure:
        packages.ensure_rabbitmq(Options())
    assert "no apt-get here" in failure.value.problem
    assert "dnf install rabbitmq-server" in failure.value.fix
    assert "AMQP_URI=" in failure.value.fix


def test_nothing_is_installed_for_a_broker_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rabbitmq, "LAUNCHERS", (tmp_path / "rabbitmq-server",))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert packages.ensure_rabbitmq(Options(amqp_uri="amqp://broker:5672/")) is False
