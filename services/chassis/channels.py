"""How a gRPC client of ours connects: spread over all pods, away from a dead one within seconds, calls repeated safely.

Used by apis and gateway alike. Why each number is what it is stands in docs/decisions/0009.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

import grpc
from google.protobuf.message import Message

from services.chassis.credentials import Credentials
from services.chassis.settings import Tls

PING_SECONDS = 3.0
"""So long nothing may be heard of a connection before it is pinged; servers must allow that (`server.py`)."""
EVERY_METHOD = ("", "")

_CLOSE_SECONDS = 60.0
"""A channel with an old certificate is closed when no call on it can be under way any more."""

Options = list[tuple[str, str | int]]


def options(repeatable: Iterable[tuple[str, str]]) -> Options:
    """Channel options. `repeatable` are (service, method) that may be called again, whether or not they were carried
    out: they change nothing, or carry a request id."""
    return [
        ("grpc.service_config", _service_config(repeatable)),
        # A pod that vanished without a word is left after 5 seconds when calls are under way (the timeout is TCP's user
        # timeout too), else after 3 + 5: sooner than the 10 seconds for which a request may wait.
        ("grpc.keepalive_time_ms", int(PING_SECONDS * 1000)),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.http2.ping_timeout_ms", 5_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        # A restarted service must be found again within a second, not after gRPC's two minutes.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 500),
        ("grpc.max_reconnect_backoff_ms", 1_000),
        # Names are looked up again when a connection is lost: gRPC's 30 seconds are longer than a rollout may take.
        ("grpc.dns_min_time_between_resolutions_ms", 2_000),
        # What is to be repeated must be kept until it is answered: all that a body may hold (`gateway/requests.py`).
        ("grpc.per_rpc_retry_buffer_size", 9 * 1024 * 1024),
    ]


class Line:
    """Calls to the pods behind one address. A renewed certificate is used by opening another channel.

    Nothing is connected before the first call.
    """

    def __init__(self, address: str, tls: Tls | None, repeatable: Iterable[tuple[str, str]]) -> None:
        """Raises SettingError when a file of `tls` is wrong."""
        self._address = address
        self._credentials = Credentials(tls) if tls else None
        self._options = options(repeatable)
        self._lock = threading.Lock()
        self._certificate = self._credentials.number() if self._credentials else 0
        self._channel = self._open()
        self._stubs: dict[str, Callable[..., Any]] = {}

    def call(
        self,
        method: str,
        request: Message,
        response: type[Message],
        *,
        timeout: float,
        metadata: tuple[tuple[str, str], ...] = (),
    ) -> Any:
        """Calls `kith.contact.v1.ContactService/GetContact` and waits for its answer, at most `timeout` seconds.

        Raises:
            grpc.RpcError: it failed.
        """
        return self._stub(method, response)(request, timeout=timeout, metadata=metadata)

    def close(self) -> None:
        """Ends the connections, and the calls on them."""
        self._channel.close()

    def _stub(self, method: str, response: type[Message]) -> Callable[..., Any]:
        with self._lock:
            if self._credentials is not None and self._credentials.number() != self._certificate:
                self._renew()
            if method not in self._stubs:
                self._stubs[method] = self._channel.unary_unary(
                    "/" + method, request_serializer=serialize, response_deserializer=response.FromString
                )
            return self._stubs[method]

    def _renew(self) -> None:
        assert self._credentials is not None
        # Closing ends the calls under way, so the old channel stays until there can be none.
        closing = threading.Timer(_CLOSE_SECONDS, self._channel.close)
        closing.daemon = True
        closing.start()
        self._certificate = self._credentials.number()
        self._channel, self._stubs = self._open(), {}

    def _open(self) -> grpc.Channel:
        if self._credentials is None:
            return grpc.insecure_channel(self._address, options=self._options)
        return grpc.secure_channel(self._address, self._credentials.channel(), options=self._options)


def serialize(message: Message) -> bytes:
    """A message as it travels."""
    return message.SerializeToString()


def _service_config(repeatable: Iterable[tuple[str, str]]) -> str:
    names = [
        {key: value for key, value in zip(("service", "method"), name, strict=True) if value} for name in repeatable
    ]
    policy = {
        "maxAttempts": 3,
        "initialBackoff": "0.1s",
        "maxBackoff": "0.5s",
        "backoffMultiplier": 5,
        # A server that ends cancels what it has received and not begun yet. Our services never answer so themselves.
        "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
    }
    config: dict[str, Any] = {
        "loadBalancingConfig": [{"round_robin": {}}],
        # After 500 failures without successes between them nothing is repeated: an outage must not double the load.
        "retryThrottling": {"maxTokens": 1000, "tokenRatio": 0.5},
    }
    if names:
        config["methodConfig"] = [{"name": names, "retryPolicy": policy}]
    return json.dumps(config)
