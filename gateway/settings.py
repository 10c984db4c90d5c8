"""What the gateway must be told, beyond what every process is told; read once from environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.chassis import settings as chassis
from services.chassis.settings import SettingError


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Settings of one gateway process."""

    platform: chassis.Settings
    rate_per_second: float = 2_000.0
    """Requests a caller may make in the long run."""
    rate_burst: int = 4_000
    """Requests a caller may make at once."""
    timeout_seconds: float = 10.0
    """A request's deadline when it names none in `Request-Timeout`."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the API from a browser, for example https://crm.example.com; none by default."""
    most_in_flight: int = 1_000
    """Requests handled at the same time; more are answered with 503."""
    most_streams: int = 2_000
    """Open event streams."""


def from_environment(environment: Mapping[str, str]) -> GatewaySettings:
    """Reads the settings.

    Raises:
        SettingError: a variable is missing or has no sensible value.
    """
    return GatewaySettings(
        platform=chassis.from_environment(environment),
        rate_per_second=chassis.number(environment, "KITH_RATE_LIMIT", 2_000, low=0.1, high=1e6),
        rate_burst=int(chassis.number(environment, "KITH_RATE_BURST", 4_000, low=1, high=1e7)),
        timeout_seconds=chassis.number(environment, "KITH_REQUEST_TIMEOUT", 10, low=0.1, high=60),
        cors_origins=_origins(environment.get("KITH_CORS_ORIGINS", "")),
        most_in_flight=int(chassis.number(environment, "KITH_MAX_IN_FLIGHT", 1_000, low=1, high=1e5)),
        most_streams=int(chassis.number(environment, "KITH_MAX_STREAMS", 2_000, low=1, high=1e5)),
    )


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    for origin in origins:
        scheme, mark, host = origin.partition("://")
        if scheme not in ("http", "https") or not mark or not host or "/" in host or "*" in host:
            raise SettingError(f"KITH_CORS_ORIGINS has {origin!r}: give origins such as https://crm.example.com")
    return origins
