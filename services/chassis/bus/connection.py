"""Opens connections to RabbitMQ, without ever telling anybody the password."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import amqp

HEARTBEAT_SECONDS = 10
CONNECT_TIMEOUT_SECONDS = 5.0
_USER_TIMEOUT_MILLISECONDS = 20_000
"""A connection is given up when sent data is not taken for so long: also with a broker that blocks its publishers."""


class BusError(Exception):
    """The broker is away, or refuses; the text is safe to log."""


def connect(
    uri: str,
    name: str,
    *,
    on_blocked: Callable[[str], None] | None = None,
    on_unblocked: Callable[[], None] | None = None,
) -> amqp.Connection:
    """An open connection. `uri` is amqp(s)://user:password@host:port/vhost, or several of them between semicolons.

    With amqps the broker's certificate is checked, by the system's authorities or by those in `?cafile=/path`;
    `certfile` and `keyfile` are for brokers that ask for one of ours. aio-pika calls them so too.

    Raises:
        BusError: no address answers, or the broker refuses the login.
    """
    problem = ""
    for address in filter(None, uri.split(";")):
        connection = amqp.Connection(
            **_parameters(address),
            heartbeat=HEARTBEAT_SECONDS,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            client_properties={"connection_name": name, "product": "kith"},
            on_blocked=on_blocked,
            on_unblocked=on_unblocked,
            socket_settings={_TCP_USER_TIMEOUT: _USER_TIMEOUT_MILLISECONDS},
        )
        try:
            connection.connect()
            return connection
        except (OSError, amqp.AMQPError) as error:
            problem = f"{place(address)}: {type(error).__name__}"
            connection.collect()
    raise BusError(f"no connection to RabbitMQ at {problem or 'an empty AMQP_URI'}")


def place(uri: str) -> str:
    """Host and port of a URI: what may be logged."""
    parts = urlsplit(uri)
    return f"{parts.hostname}:{parts.port or _PORTS.get(parts.scheme, 5672)}"


def _parameters(uri: str) -> dict[str, Any]:
    parts = urlsplit(uri)
    if parts.scheme not in _PORTS:
        raise BusError("AMQP_URI begins with neither amqp:// nor amqps://")
    return {
        "host": place(uri),
        "userid": unquote(parts.username or "guest"),
        "password": unquote(parts.password or "guest"),
        "virtual_host": unquote(parts.path[1:]) or "/",
        "ssl": _tls(parts.hostname, parts.query) if parts.scheme == "amqps" else False,
        "login_method": "PLAIN",
    }


def _tls(host: str | None, query: str) -> dict[str, Any]:
    given = dict(parse_qsl(query))
    files = {option: given[name] for name, option in _FILES.items() if name in given}
    for file in files.values():
        if not Path(file).is_file():
            raise BusError(f"AMQP_URI names the file {file}, which is not there")
    return {"server_hostname": host, **files}


_FILES = {"cafile": "ca_certs", "certfile": "certfile", "keyfile": "keyfile"}
_PORTS = {"amqp": 5672, "amqps": 5671}
_TCP_USER_TIMEOUT = 18  # Linux; py-amqp sets it to one second, which a busy broker exceeds
