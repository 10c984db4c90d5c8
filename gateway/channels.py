"""Connections to the services' apis: one channel per service, balanced over its pods, kept alive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from services.chassis import protos
from services.chassis.channels import Options, options, serialize
from services.chassis.credentials import Credentials
from services.chassis.settings import Tls

MOST_ANSWER_BYTES = 64 * 1024 * 1024
CLOSE_SECONDS = 61.0
"""A channel with an old certificate is closed when the longest call on it must be over."""

Call = Callable[..., grpc.aio.UnaryUnaryCall[Any, Any]]
"""Takes a message, `timeout` in seconds, and `metadata`."""


class Channels:
    """Open channels by service name. Creating it connects to nothing yet."""

    def __init__(
        self, addresses: Mapping[str, str], tls: Tls | None = None, repeatable: Iterable[tuple[str, str]] = ()
    ) -> None:
        """`repeatable` are gRPC services and methods that may be called again when a server went away under them.

        Raises:
            SettingError: a file of `tls` is wrong.
        """
        credentials = Credentials(tls) if tls else None
        settings: Options = [
            *options(repeatable),
            ("grpc.max_receive_message_length", MOST_ANSWER_BYTES),
            ("grpc.max_send_message_length", 16 * 1024 * 1024),
        ]
        self._lines = {
            service: _Line(address, credentials, settings) for service, address in addresses.items() if address
        }

    def call(self, method: MethodDescriptor) -> Call:
        """A callable for a method.

        Raises:
            KeyError: its service has no address.
        """
        path = f"/{method.containing_service.full_name}/{method.name}"
        service = protos.process(method.containing_service)
        return self.call_at(service, path, protos.message_class(method.output_type))

    def call_at(self, service: str, path: str, response: type[Message]) -> Call:
        """A callable for a method that more than one service has.

        Raises:
            KeyError: the service has no address.
        """
        return _Stub(self._lines[service], path, response)

    def services(self) -> list[str]:
        """The services that have an address."""
        return list(self._lines)

    def ready(self) -> dict[str, bool]:
        """Whether each service can be reached; asking also begins to connect where that is still to be done."""
        return {
            service: line.channel().get_state(try_to_connect=True) == grpc.ChannelConnectivity.READY
            for service, line in self._lines.items()
        }

    async def close(self) -> None:
        """Closes all channels; calls under way get a second to end."""
        for line in self._lines.values():
            await line.close()


class _Line:
    """The channel of one service; another one when the certificate was renewed."""

    def __init__(self, address: str, credentials: Credentials | None, settings: Options) -> None:
        self._address = address
        self._credentials = credentials
        self._settings = settings
        self._certificate = credentials.number() if credentials else 0
        self._channel = self._open()
        self._closing: set[asyncio.Task[None]] = set()

    def channel(self) -> grpc.aio.Channel:
        """The channel to use now."""
        if self._credentials is not None and self._credentials.number() != self._certificate:
            self._certificate = self._credentials.number()
            closing = asyncio.ensure_future(self._channel.close(CLOSE_SECONDS))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            self._channel = self._open()
        return self._channel

    async def close(self) -> None:
        for closing in self._closing:
            closing.cancel()
        await self._channel.close(1.0)

    def _open(self) -> grpc.aio.Channel:
        if self._credentials is None:
            return grpc.aio.insecure_channel(self._address, options=self._settings)
        return grpc.aio.secure_channel(self._address, self._credentials.channel(), options=self._settings)


class _Stub:
    """One method on the present channel of its service."""

    def __init__(self, line: _Line, path: str, response: type[Message]) -> None:
        self._line = line
        self._path = path
        self._response = response
        self._channel: grpc.aio.Channel | None = None
        self._invoke: Any = None

    def __call__(self, request: Message, **how: Any) -> grpc.aio.UnaryUnaryCall[Any, Any]:
        channel = self._line.channel()
        if channel is not self._channel:
            self._channel = channel
            self._invoke = channel.unary_unary(
                self._path, request_serializer=serialize, response_deserializer=self._response.FromString
            )
        call: grpc.aio.UnaryUnaryCall[Any, Any] = self._invoke(request, **how)
        return call
