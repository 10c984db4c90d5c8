"""The chassis' server with one method that needs no token: signing keys, of which it has none."""

from __future__ import annotations

from typing import Any

from kith.identity.v1 import token_service_pb2 as pb

from services.chassis.call import Call
from services.chassis.channels import EVERY_METHOD, Line
from services.chassis.principal import Verifier
from services.chassis.server import Server
from services.chassis.settings import Settings, Tls

METHOD = "kith.identity.v1.TokenService/ListSigningKeys"


class Echo:
    """Answers on a free port of this machine."""

    def __init__(self, tls: Tls | None) -> None:
        service = pb.DESCRIPTOR.services_by_name["TokenService"]
        methods = {"ListSigningKeys": self._answer, "ExchangeApiKey": self._answer}
        self._server = Server({service: methods}, _nobody(), 4, Settings(listen="", tls=tls))
        self.port = self._server.start("127.0.0.1:0")
        self.seconds: list[float] = []

    def stop(self) -> None:
        """Ends the server."""
        self._server.stop(0)

    def _answer(self, request: Any, call: Call) -> Any:
        self.seconds.append(call.seconds_left)
        return pb.ListSigningKeysResponse()


def ask(line: Line, seconds: float = 5.0) -> None:
    """Calls the server once; raises grpc.RpcError when it cannot be reached."""
    line.call(METHOD, pb.ListSigningKeysRequest(), pb.ListSigningKeysResponse, timeout=seconds)


def once(address: str, tls: Tls | None) -> None:
    """Opens a channel of its own for one call."""
    line = Line(address, tls, [EVERY_METHOD])
    try:
        ask(line)
    finally:
        line.close()


def _nobody() -> Verifier:
    class Keys:
        def find(self, kid: str) -> None:
            return None

        def refresh(self) -> None:
            return None

    def exchange(api_key: str) -> str:
        raise AssertionError("nobody comes with a key")

    return Verifier(Keys(), exchange)
