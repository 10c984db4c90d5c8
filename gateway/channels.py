"""Connections to the services' apis: one channel per service, balanced over its pods, kept alive."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor

from services.chassis import protos

MOST_ANSWER_BYTES = 64 * 1024 * 1024

Call = grpc.aio.UnaryUnaryMultiCallable[Any, Any]


class Channels:
    """Open channels by service name. Creating it connects to nothing yet."""

    def __init__(self, addresses: Mapping[str, str], safe_methods: Iterable[MethodDescriptor] = ()) -> None:
        """`safe_methods` change nothing, so that gRPC may repeat them when a server goes away."""
        options = [*_OPTIONS, ("grpc.service_config", _service_config(safe_methods))]
        self._channels = {
            service: grpc.aio.insecure_channel(address, options=options)
            for service, address in addresses.items()
            if address
        }

    def call(self, method: MethodDescriptor) -> Call:
        """A callable for a method.

        Raises:
            KeyError: its service has no address.
        """
        channel = self._channels[protos.process(method.containing_service)]
        return channel.unary_unary(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=_serialize,
            response_deserializer=protos.message_class(method.output_type).FromString,
        )

    def services(self) -> list[str]:
        """The services that have an address."""
        return list(self._channels)

    def raw(self, service: str) -> grpc.aio.Channel:
        """The channel of a service."""
        return self._channels[service]

    def ready(self) -> dict[str, bool]:
        """Whether each service can be reached; asking also begins to connect where that is still to be done."""
        return {
            service: channel.get_state(try_to_connect=True) == grpc.ChannelConnectivity.READY
            for service, channel in self._channels.items()
        }

    async def close(self) -> None:
        """Closes all channels; calls under way get a second to end."""
        for channel in self._channels.values():
            await channel.close(1.0)


def _serialize(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data


def _service_config(safe_methods: Iterable[MethodDescriptor]) -> str:
    names = [{"service": method.containing_service.full_name, "method": method.name} for method in safe_methods]
    config: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if names:
        policy = {
            "maxAttempts": 3,
            "initialBackoff": "0.05s",
            "maxBackoff": "0.5s",
            "backoffMultiplier": 3,
            "retryableStatusCodes": ["UNAVAILABLE"],
        }
        config["methodConfig"] = [{"name": names, "retryPolicy": policy}]
    return json.dumps(config)


_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", MOST_ANSWER_BYTES),
    ("grpc.max_send_message_length", 16 * 1024 * 1024),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    # A restarted service must be found again within a second, not after gRPC's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)
