"""What is promised of the images, looked up in real ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.image.conftest import BUILT, Open

Facts = Callable[[str], dict[str, Any]]
every_image = pytest.mark.parametrize("target", BUILT)


@pytest.mark.parametrize(
    ("target", "entrypoint", "command"),
    [
        ("contact", ["python", "-m", "services.contact"], ["api"]),
        ("gateway", ["python", "-m", "gateway"], None),
        ("cli", ["python", "-m", "cli"], ["--help"]),
    ],
)
def test_an_image_starts_its_process_without_a_shell(
    opened: Open, target: str, entrypoint: list[str], command: list[str] | None
) -> None:
    configuration = opened(target).configuration()
    assert configuration["Entrypoint"] == entrypoint
    assert (configuration.get("Cmd") or None) == command
    assert "Healthcheck" not in configuration


@every_image
def test_an_image_names_a_user_by_number_and_is_stopped_by_sigterm(opened: Open, target: str) -> None:
    configuration = opened(target).configuration()
    assert configuration["User"] == "65532"
    assert configuration["StopSignal"] == "SIGTERM"


@every_image
def test_an_image_says_what_it_is(opened: Open, facts: Facts, built: dict[str, Any], target: str) -> None:
    labels = opened(target).configuration()["Labels"]
    told = {name.removeprefix("org.opencontainers.image."): value for name, value in labels.items()}
    assert told["title"] == f"kith-{target}"
    assert told["licenses"] == "Apache-2.0"
    assert told["version"] == facts(target)["version"] == built["version"]
    assert all(told[name] for name in ("description", "revision", "created", "base.name"))


@every_image
def test_any_user_can_read_everything_and_write_nothing(facts: Facts, target: str) -> None:
    found = facts(target)
    assert found["user"] == 12345
    assert found["unreadable"] == []
    assert found["writable"] == []


@every_image
def test_all_code_is_compiled(facts: Facts, target: str) -> None:
    assert facts(target)["uncompiled"] == []


@every_image
def test_code_is_found_only_where_nobody_can_put_any(facts: Facts, target: str) -> None:
    assert all(folder.startswith(("/opt/", "/usr/")) for folder in facts(target)["path"] if folder)


@every_image
def test_what_installs_and_builds_is_left_out(facts: Facts, target: str) -> None:
    assert not {"pip", "setuptools", "grpc_tools", "cyclonedx", "pytest"} & set(facts(target)["modules"])
    assert {"grpc", "pymongo", "nameko", "uvicorn"} <= set(facts(target)["modules"])


def test_a_service_brings_its_own_code_and_no_other_services(facts: Facts) -> None:
    assert facts("contact")["code"] == ["build", "release", "services"]
    assert facts("contact")["services"] == ["chassis", "contact"]
    assert facts("gateway")["services"] == ["chassis"]
    assert "httpx" in facts("cli")["modules"]
    assert "httpx" not in facts("contact")["modules"]


def test_images_share_all_layers_but_their_own_code(opened: Open) -> None:
    contact, gateway, cli = (opened(target).layers() for target in BUILT)
    shared = [one for one, other in zip(contact, gateway, strict=False) if one == other]
    assert contact[:-1] == shared
    assert cli[: len(shared)] == shared


@pytest.mark.parametrize("process", [("services.contact", "api"), ("services.contact", "worker")])
def test_a_service_without_settings_ends_with_one_clear_line(opened: Open, process: tuple[str, str]) -> None:
    done = opened("contact").run("python", "-m", *process)
    assert " ".join(process) + ": KITH_LISTEN is not set" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode != 0


def test_the_gateway_without_settings_ends_with_one_clear_line(opened: Open) -> None:
    done = opened("gateway").run("python", "-m", "gateway")
    assert "gateway: KITH_LISTEN is not set" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_line_explains_itself_and_says_what_it_cannot_do(opened: Open) -> None:
    image = opened("cli")
    assert "events" in image.run("python", "-m", "cli", "--help").stdout
    assert "checkout" in image.run("python", "-m", "cli", "lint").stderr


@pytest.mark.parametrize("name", ["check", "secrets", "replica-set", "mailbox", "events", "demo"])
def test_every_command_of_the_operators_image_can_be_loaded(opened: Open, name: str) -> None:
    done = opened("cli").run("python", "-m", "cli", name, "--help")
    assert done.stdout.startswith(f"Usage: kith {name}"), done.stderr


def test_the_bill_of_materials_lists_what_the_images_hold_and_nothing_else(bill: dict[str, Any]) -> None:
    listed = {component["name"] for component in bill["components"]}
    assert {"grpcio", "pymongo", "httpx", "python"} <= listed
    assert not {"pip", "setuptools", "grpcio-tools", "cyclonedx-bom"} & listed
    assert bill["metadata"]["component"]["name"] == "kith"
