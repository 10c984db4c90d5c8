"""What a checkout's images are called, in real Git repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cli.images import source


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    folder = tmp_path / "kith"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "kith"\nversion = "1.2.3"\n')
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Begin", "--date", "2026-11-22T08:00:00Z")
    return folder


def test_a_commit_is_told_apart_by_its_hash(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    found = source.look(checkout)
    assert found.version == f"1.2.3-{head[:12]}"
    assert found.revision == head


def test_a_released_commit_is_called_by_its_version(checkout: Path) -> None:
    git(checkout, "tag", "v1.2.3")
    assert source.look(checkout).version == "1.2.3"


def test_changes_that_are_not_committed_are_told_even_on_a_release(checkout: Path) -> None:
    git(checkout, "tag", "v1.2.3")
    (checkout / "new.py").touch()
    assert source.look(checkout).version.endswith("-dirty")


def test_the_same_commit_has_the_same_time(checkout: Path) -> None:
    assert source.look(checkout).created == int(git(checkout, "log", "-1", "--format=%ct"))


def test_a_time_of_the_environment_goes_first(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert source.look(checkout).created == 1700000000


def test_a_tree_without_git_has_its_version_alone(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    found = source.look(tmp_path)
    assert (found.version, found.revision, found.url) == ("1.2.3", "", "")


@pytest.mark.parametrize(
    ("origin", "url"),
    [
        ("https://git.example.com/kith.git", "https://git.example.com/kith"),
        ("https://token@git.example.com/kith.git", ""),
        ("git@git.example.com:kith.git", ""),
        ("/srv/kith.git", ""),
    ],
)
def test_only_a_public_address_becomes_a_label(checkout: Path, origin: str, url: str) -> None:
    git(checkout, "remote", "add", "origin", origin)
    assert source.look(checkout).url == url
