"""Which builder is chosen, tried on small real programs in a PATH of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.images import builders

NO_ENGINE = 'echo "Cannot connect to the Docker daemon." >&2; exit 1'


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    for name in ("docker", "podman", "buildah"):  # whatever this machine has is hidden behind programs that fail
        program(folder, name, NO_ENGINE)
    return folder


def test_the_first_program_that_works_is_chosen(path: Path) -> None:
    program(path, "docker", "exit 0")
    program(path, "buildah", "exit 0")
    assert builders.find().program.name == "docker"


def test_a_client_whose_engine_is_not_there_does_not_count(path: Path) -> None:
    program(path, "buildah", "exit 0")
    assert builders.find().program.name == "buildah"


def test_a_named_program_is_taken_though_another_one_comes_first(path: Path) -> None:
    program(path, "docker", "exit 0")
    program(path, "podman", "exit 0")
    assert builders.find("podman").program.name == "podman"


def test_a_named_program_that_does_not_work_is_not_replaced_by_another(path: Path) -> None:
    program(path, "buildah", "exit 0")
    with pytest.raises(builders.NoBuilder, match="docker: installed, but does not work"):
        builders.find("docker")


def test_without_any_it_says_of_each_why(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path / "podman").unlink()
    (path / "buildah").unlink()
    monkeypatch.setenv("PATH", str(path))
    with pytest.raises(builders.NoBuilder) as told:
        builders.find()
    assert "docker: installed, but does not work: Cannot connect to the Docker daemon." in str(told.value)
    assert "podman: not installed" in str(told.value)
    assert "buildah: not installed" in str(told.value)


def test_a_program_that_fails_without_a_word_is_told_by_its_status(path: Path) -> None:
    program(path, "buildah", "exit 125")
    with pytest.raises(builders.NoBuilder, match="`buildah info` ended with 125"):
        builders.find("buildah")


def test_builds_keep_stages_and_date_files_alike(path: Path, tmp_path: Path) -> None:
    program(path, "buildah", 'echo "$@"')
    log = tmp_path / "log"
    builders.find("buildah").build(tmp_path, ["--target", "contact"], log)
    assert log.read_text().split() == [
        *("build", "--layers", "--build-arg", f"SOURCE_DATE_EPOCH={builders.DATE}"),
        *("--timestamp", str(builders.DATE), "--target", "contact", str(tmp_path)),
    ]


def test_docker_builds_with_its_current_builder(path: Path, tmp_path: Path) -> None:
    program(path, "docker", '[ "$1" = info ] || echo "$DOCKER_BUILDKIT $@"')
    log = tmp_path / "log"
    builders.find("docker").build(tmp_path, [], log)
    assert log.read_text().split() == ["1", "build", "--build-arg", f"SOURCE_DATE_EPOCH={builders.DATE}", str(tmp_path)]


def test_a_build_that_fails_ends_with_the_builders_last_words(path: Path, tmp_path: Path) -> None:
    program(path, "podman", '[ "$1" = info ] || { echo "no space left on device"; exit 1; }')
    with pytest.raises(builders.BuildFailed, match="no space left on device\n\npodman build failed"):
        builders.find("podman").build(tmp_path, [], tmp_path / "log")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("docker", [{"Id": "sha256:abc", "Size": 30}]),
        ("podman", [{"Id": "abc", "Size": 30}]),
        ("buildah", {"FromImageID": "abc", "Manifest": json.dumps({"layers": [{"size": 10}, {"size": 20}]})}),
    ],
)
def test_id_and_size_are_read_of_each_program(path: Path, tmp_path: Path, name: str, told: object) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps(told))
    program(path, name, f"cat {answer}")
    assert builders.find(name).image("localhost/kith-contact:1") == builders.Image("abc", 30)
