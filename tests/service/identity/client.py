"""Calls identity over gRPC as any client would."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from services.chassis import protos


class RefusedError(Exception):
    """The server's answer was an error: its code, the reason, and the text."""

    def __init__(self, code: grpc.StatusCode, reason: str, text: str) -> None:
        super().__init__(f"{code.name} {reason}: {text}")
        self.code = code
        self.reason = reason
        self.text = text


@dataclass(frozen=True)
class Client:
    """A connection, and the proof that is sent along. `client.GetUser(name=…)` calls the method of that name."""

    channel: grpc.Channel
    proof: str = ""
    address: str = ""

    def with_proof(self, proof: str) -> Client:
        """The same with an access token or API key."""
        return replace(self, proof=proof)

    def from_address(self, address: str) -> Client:
        """The same as if the gateway had been called from there."""
        return replace(self, address=address)

    def __getattr__(self, name: str) -> Any:
        method = METHODS[name]
        request_class: Any = GetMessageClass(method.input_type)
        return lambda **fields: self.call(method, request_class(**fields))

    def call(self, method: MethodDescriptor, request: Message) -> Any:
        """Calls any method."""
        invoke: Any = self.channel.unary_unary(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        metadata = [("authorization", f"Bearer {self.proof}")] if self.proof else []
        if self.address:
            metadata.append(("kith-client-address", self.address))
        try:
            return invoke(request, timeout=10, metadata=tuple(metadata))
        except grpc.RpcError as error:
            raise RefusedError(error.code(), _reason(error), str(error.details())) from None


METHODS = {
    method.name: method
    for service in protos.services()
    if protos.process(service) == "identity"
    for method in service.methods
}


def _reason(error: Any) -> str:
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return str(info.reason)
    return ""
