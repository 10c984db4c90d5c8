"""`kith secrets`: the Secrets that an installation needs and nobody has given, made once and never touched again."""

from __future__ import annotations

import os
import secrets as chance
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from cli.cluster.api_server import ACCOUNT, PATIENCE_SECONDS, ApiServer, ClusterError, Secret
from services.identity import signing

PASSWORD = "password"
KEPT = {
    "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
    "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
}
"""Where Argo CD takes objects for its own by their labels, it would prune what no rendering holds."""
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is easily read as another
_GROUPS, _GROUP = 4, 5  # 20 characters of 31: 99 bits


@dataclass(frozen=True, slots=True)
class Wanted:
    """A Secret that shall be there.

    make: what goes into a new one. serves: whether what is in one that exists will do. lacks: what it must hold.
    """

    name: str
    make: Callable[[], Mapping[str, bytes]]
    serves: Callable[[Mapping[str, bytes]], bool]
    lacks: str


def signing_keys(name: str) -> Wanted:
    """The keys that sign access tokens: one to begin with, in a file named as `keygen` names it."""

    def serves(data: Mapping[str, bytes]) -> bool:
        return any(value.strip() for key, value in data.items() if key.endswith(".pem"))

    return Wanted(name, new_signing_key, serves, "a key that ends in .pem and holds an Ed25519 private key")


def admin(name: str) -> Wanted:
    """The password of the first administrator."""

    def serves(data: Mapping[str, bytes]) -> bool:
        return bool(data.get(PASSWORD, b"").strip())

    return Wanted(name, lambda: {PASSWORD: new_password().encode()}, serves, f"the key {PASSWORD}")


def ensure(server: ApiServer, wanted: Wanted, labels: Mapping[str, str]) -> bool:
    """Makes the Secret if there is none; False when there was one, or somebody else was faster.

    Raises:
        ClusterError: the one that is there will not do, or the API server refuses.
    """
    found = server.secret(wanted.name)
    if found is None:
        if server.create(Secret(wanted.name, wanted.make()), labels, KEPT):
            return True
        found = server.secret(wanted.name)
    if found is None or not wanted.serves(found.data):
        raise ClusterError(
            f"the Secret {wanted.name} in namespace {server.namespace} lacks {wanted.lacks}. Add it, or have a new "
            f"Secret made: kubectl -n {server.namespace} delete secret {wanted.name}, and run this again"
        )
    return False


def new_signing_key() -> Mapping[str, bytes]:
    """A new key in PEM, by the name of its file."""
    with tempfile.TemporaryDirectory() as folder:
        file = signing.generate(Path(folder))
        return {file.name: file.read_bytes()}


def new_password() -> str:
    """A password that people can read and type: 99 random bits in four groups of five characters."""
    return "-".join("".join(chance.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))


def _labels(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in given:
        key, separator, value = text.partition("=")
        if not key or not separator:
            raise click.BadParameter(f"{text} is no key=value")
        pairs[key] = value
    return pairs


@click.command()
@click.option("--signing-keys", "keys_name", metavar="NAME", help="The Secret with the keys that sign access tokens.")
@click.option("--admin", "admin_name", metavar="NAME", help=f"The Secret with the key `{PASSWORD}`.")
@click.option("--label", "labels", multiple=True, metavar="K=V", callback=_labels, help="A label of new Secrets.")
@click.option("--patience", default=PATIENCE_SECONDS, show_default=True, help="Seconds that the API may be away.")
@click.option(
    "--service-account",
    default=ACCOUNT,
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder with token, ca.crt and namespace.",
)
def secrets(
    keys_name: str | None, admin_name: str | None, labels: dict[str, str], patience: float, service_account: Path
) -> None:
    """Make the Secrets that are missing, in the namespace of the pod that this runs in.

    A Secret that is there is never changed, so this may run as often as wanted and several times at once. The pod's
    ServiceAccount needs `get` on these Secrets, and `create` on secrets.
    """
    wanted = list(_wanted(keys_name, admin_name))
    if not wanted:
        raise click.UsageError("Nothing is asked for: give --signing-keys or --admin.")
    try:
        server = ApiServer.of_this_pod(os.environ, service_account, patience)
        for one in wanted:
            made = ensure(server, one, labels)
            click.echo(f"Secret {one.name}: {'made' if made else 'was there, and stays as it is'}")
    except ClusterError as error:
        raise click.ClickException(str(error)) from error


def _wanted(keys_name: str | None, admin_name: str | None) -> Iterator[Wanted]:
    if keys_name:
        yield signing_keys(keys_name)
    if admin_name:
        yield admin(admin_name)
