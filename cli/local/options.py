"""What the environment may say about a platform: other servers, other ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cli.local.failure import StartFailed

GATEWAY_PORT = 8080
TRACES_PORT = 8081


@dataclass(frozen=True, slots=True)
class Options:
    """Where a server is named, none of our own is started for it. Port 0 means: any free one, kept from then on."""

    mongodb_uri: str = ""
    amqp_uri: str = ""
    smtp_uri: str = ""
    otlp_endpoint: str = ""
    gateway_port: int = GATEWAY_PORT
    traces_port: int = TRACES_PORT

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Options:
        """Reads MONGODB_URI, AMQP_URI, SMTP_URI, OTEL_EXPORTER_OTLP_ENDPOINT, KITH_PORT and KITH_TRACES_PORT.

        Raises:
            StartFailed: a port is no number.
        """
        return cls(
            mongodb_uri=environment.get("MONGODB_URI", ""),
            amqp_uri=environment.get("AMQP_URI", ""),
            smtp_uri=environment.get("SMTP_URI", ""),
            otlp_endpoint=environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
            gateway_port=_port(environment, "KITH_PORT", GATEWAY_PORT),
            traces_port=_port(environment, "KITH_TRACES_PORT", TRACES_PORT),
        )


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "") or str(default)
    if not text.isdecimal() or int(text) > 65_535:
        raise StartFailed(
            f"{name}={text} is no port.",
            f"Set {name} to a number from 0 (any free port) to 65535.",
        )
    return int(text)
