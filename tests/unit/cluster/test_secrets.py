from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.cluster.secrets import new_password, secrets
from services.identity.rules.passwords import fault
from services.identity.signing import Keyring
from tests.unit.cluster import kubernetes
from tests.unit.cluster.kubernetes import Cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with kubernetes.running(tmp_path) as running:
        yield running


def kith_secrets(cluster: Cluster, *arguments: str, patience: float = 20, **environment: str) -> Result:
    names = ("--signing-keys", "kith-signing-keys", "--admin", "kith-admin")
    options = ("--service-account", str(cluster.account), "--patience", str(patience))
    return CliRunner().invoke(secrets, [*names, *options, *arguments], env={**cluster.environment(), **environment})


def held(cluster: Cluster, name: str) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in cluster.secrets[name]["data"].items()}


def stored(name: str, **data: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }


def test_missing_secrets_are_made_with_their_labels_and_a_key_that_identity_can_use(
    cluster: Cluster, tmp_path: Path
) -> None:
    done = kith_secrets(cluster, "--label", "app.kubernetes.io/instance=crm", "--label", "tier=a=b")
    assert done.exit_code == 0, done.output
    labels = {"app.kubernetes.io/instance": "crm", "tier": "a=b"}
    assert all(secret["metadata"]["labels"] == labels for secret in cluster.secrets.values())
    kept = "argocd.argoproj.io/sync-options"
    assert all("Prune=false" in secret["metadata"]["annotations"][kept] for secret in cluster.secrets.values())
    (tmp_path / "keys").mkdir()
    for name, pem in held(cluster, "kith-signing-keys").items():
        (tmp_path / "keys" / name).write_bytes(pem)
    assert len(Keyring(tmp_path / "keys").published()) == 1
    password = held(cluster, "kith-admin")["password"].decode()
    assert not fault(password, "admin@example.org")


def test_it_tells_what_it_made_and_no_secret(cluster: Cluster) -> None:
    told = kith_secrets(cluster).output
    assert told.splitlines() == ["Secret kith-signing-keys: made", "Secret kith-admin: made"]


def test_a_second_run_changes_nothing(cluster: Cluster) -> None:
    kith_secrets(cluster)
    before = dict(cluster.secrets)
    again = kith_secrets(cluster, "--label", "another=label")
    assert again.exit_code == 0
    assert again.output.count("stays as it is") == 2
    assert cluster.secrets == before


def test_who_is_slower_than_another_run_keeps_what_that_one_made(cluster: Cluster) -> None:
    theirs = stored("kith-admin", password="theirs")

    def meanwhile() -> None:
        cluster.secrets.setdefault("kith-admin", theirs)

    cluster.before_create = meanwhile
    done = kith_secrets(cluster)
    assert done.exit_code == 0, done.output
    assert "kith-admin: was there" in done.output
    assert cluster.secrets["kith-admin"] == theirs


def test_a_secret_that_lacks_its_key_is_named_with_the_fix_and_left_alone(cluster: Cluster) -> None:
    for broken in (stored("kith-admin"), stored("kith-admin", password="  "), stored("kith-admin", Password="x")):
        cluster.secrets["kith-admin"] = broken
        done = kith_secrets(cluster)
        assert done.exit_code == 1
        assert "Secret kith-admin in namespace crm lacks the key password" in done.output
        assert "kubectl -n crm delete secret kith-admin" in done.output
        assert cluster.secrets["kith-admin"] == broken


def test_an_empty_secret_for_the_keys_is_an_error_too(cluster: Cluster) -> None:
    cluster.secrets["kith-signing-keys"] = {"metadata": {"name": "kith-signing-keys"}}
    done = kith_secrets(cluster)
    assert done.exit_code == 1
    assert "lacks a key that ends in .pem" in done.output


@pytest.mark.parametrize(("granted", "missing"), [("create", "get"), ("get", "create")])
def test_the_right_that_is_missing_is_named(cluster: Cluster, granted: str, missing: str) -> None:
    cluster.verbs = frozenset({granted})
    done = kith_secrets(cluster)
    assert done.exit_code == 1
    assert f'give its Role the verb "{missing}" on the resource "secrets"' in done.output


def test_an_api_server_that_is_busy_is_asked_again(cluster: Cluster) -> None:
    cluster.outages = 1
    assert kith_secrets(cluster).exit_code == 0


def test_an_api_server_that_stays_away_is_told_with_its_address(cluster: Cluster) -> None:
    done = kith_secrets(cluster, patience=0.1, KUBERNETES_SERVICE_PORT="1")
    assert done.exit_code == 1
    assert "https://127.0.0.1:1" in done.output
    assert "does not answer" in done.output


def test_a_server_that_the_ca_does_not_vouch_for_gets_no_token(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with kubernetes.running(tmp_path / "other") as other:
        (cluster.account / "ca.crt").write_bytes((other.account / "ca.crt").read_bytes())
    done = kith_secrets(cluster, patience=0.1)
    assert done.exit_code == 1
    assert "certificate verify failed" in done.output


def test_outside_of_a_pod_it_says_so(cluster: Cluster, tmp_path: Path) -> None:
    assert "runs in a pod" in kith_secrets(cluster, KUBERNETES_SERVICE_HOST="").output
    (cluster.account / "token").unlink()
    assert "automountServiceAccountToken" in kith_secrets(cluster).output


def test_no_two_passwords_are_equal_and_all_are_good() -> None:
    made = {new_password() for _ in range(100)}
    assert len(made) == 100
    assert not any(fault(password, "") for password in made)
