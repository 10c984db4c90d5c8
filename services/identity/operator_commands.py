"""The operator's commands: parse, call, print."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from kith.identity.v1.tenant_pb2 import TENANT_STATE_ACTIVE, TENANT_STATE_SUSPENDED

from services.chassis import indexes, logs, migration, mongo, startup
from services.chassis.errors import KithError
from services.chassis.resources.store import Store
from services.chassis.settings import SettingError, Settings
from services.identity import signing
from services.identity.api import SERVICE
from services.identity.bootstrap import Wanted, bootstrap, read_password, set_state
from services.identity.records import RECORDS


def run(arguments: Sequence[str], settings: Settings) -> None:
    """Runs one command and prints what it did; ends the process with status 2 when it is refused."""
    options = _parser().parse_args(arguments)
    try:
        _COMMANDS[options.command](options, settings)
    except KithError as error:
        print(f"services.identity {options.command}: {error.message}", file=sys.stderr)
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.identity")
    commands = parser.add_subparsers(dest="command", required=True)
    keygen = commands.add_parser("keygen", help="make a signing key if there is none")
    keygen.add_argument("--folder", type=Path, help="where the keys are (KITH_SIGNING_KEYS)")
    keygen.add_argument(
        "--rotate", action="store_true", help="make another one in any case: it signs five minutes later"
    )
    tenant = commands.add_parser("bootstrap", help="make a tenant with its roles, an administrator and an API key")
    tenant.add_argument("--tenant", required=True, help="the slug: the short name that people type to sign in")
    tenant.add_argument("--name", default="", help="the organisation's name; the slug when it is not given")
    tenant.add_argument("--email", required=True, help="the administrator's address")
    tenant.add_argument("--password-file", type=Path, required=True, help="a file with the administrator's password")
    tenant.add_argument("--api-key-file", type=Path, help="where the API key is, or is written (mode 0600)")
    tenant.add_argument("--once", action="store_true", help="leave a tenant that is there alone, and make no API key")
    tenant.add_argument("--json", action="store_true", help="print JSON")
    for command, help_text in (
        ("suspend", "let nobody of a tenant sign in"),
        ("resume", "let them sign in again"),
    ):
        commands.add_parser(command, help=help_text).add_argument("--tenant", required=True, help="the slug")
    return parser


def _keygen(options: argparse.Namespace, settings: Settings) -> None:
    folder = options.folder or Path(settings.signing_keys)
    if not str(folder) or str(folder) == ".":
        raise SettingError("keygen: give --folder or set KITH_SIGNING_KEYS")
    print(signing.generate(folder, rotate=options.rotate))


def _bootstrap(options: argparse.Namespace, settings: Settings) -> None:
    wanted = Wanted(
        slug=options.tenant,
        display_name=options.name or options.tenant,
        email=options.email,
        password=read_password(options.password_file),
        api_key_file=options.api_key_file,
        once=options.once,
    )
    # The answer alone goes to standard output: programs read it.
    logs.start(settings.log_level, "identity", "bootstrap", sys.stderr)
    with _store(settings) as store:
        needed = indexes.declared(RECORDS)
        startup.until_done(lambda: migration.require(store.database, needed), threading.Event())
        made = asdict(bootstrap(store, wanted))
    if options.json:
        print(json.dumps(made))
    else:
        print("\n".join(f"{name}: {value}" for name, value in made.items()))


def _suspend(options: argparse.Namespace, settings: Settings) -> None:
    with _store(settings) as store:
        print(set_state(store, options.tenant, TENANT_STATE_SUSPENDED).name, "suspended")


def _resume(options: argparse.Namespace, settings: Settings) -> None:
    with _store(settings) as store:
        print(set_state(store, options.tenant, TENANT_STATE_ACTIVE).name, "active")


@contextmanager
def _store(settings: Settings) -> Iterator[Store]:
    with mongo.connect(settings) as client:
        yield SERVICE.store(client, settings)


_COMMANDS = {
    "keygen": _keygen,
    "bootstrap": _bootstrap,
    "suspend": _suspend,
    "resume": _resume,
}
