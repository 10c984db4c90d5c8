"""What a process must be told: environment variables, read once, each with a clear error when it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SERVICES = ("contact", "sales", "cases", "notification", "identity", "insight")

RETRY_DELAYS = (1.0, 5.0, 30.0, 120.0, 600.0)


class SettingError(ValueError):
    """A setting is missing or wrong; the text names the variable and the fix."""


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files with which apis and their callers prove themselves to each other (mutual TLS)."""

    certificate_file: str
    key_file: str
    authority_file: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one process. Addresses are `host:port`; the peers' may be any gRPC target (`dns:///…`)."""

    listen: str
    health_listen: str = ""  # an api's probes, apart from its calls; empty: only on `listen`
    metrics_listen: str = ""  # where Prometheus reads; empty: nowhere
    drain_seconds: float = 0.0  # how long a process that is told to stop goes on serving, unready
    connection_age_seconds: float = 300.0  # after which gRPC clients connect anew, and find pods that were added
    tls: Tls | None = None
    mongodb_uri: str = ""
    database_prefix: str = "kith_"
    keep_indexes_days: float = 7.0  # how long an index that nobody declares any more is kept
    amqp_uri: str = ""
    smtp_uri: str = ""
    mail_from: str = "kith@localhost"
    public_url: str = ""  # where people reach the gateway: what links in mails begin with
    otlp_endpoint: str = ""
    traces_ratio: float = 1.0
    threads: int = 8
    retry_delays: tuple[float, ...] = RETRY_DELAYS  # seconds after an event's 1st, 2nd … failure
    log_level: str = "INFO"
    signing_keys: str = ""
    token_seconds: int = 300
    peers: Mapping[str, str] = field(default_factory=dict)

    def database(self, service: str) -> str:
        """The name of a service's database."""
        return self.database_prefix + service

    def peer(self, service: str) -> str:
        """The gRPC address of another service's api."""
        address = self.peers.get(service)
        if not address:
            raise SettingError(f"KITH_{service.upper()}_ADDRESS is not set: give host:port of the {service} api")
        return address


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Reads the settings of a process.

    Raises:
        SettingError: a variable is missing or has no sensible value.
    """
    return Settings(
        listen=_required(environment, "KITH_LISTEN", "host:port to listen on"),
        health_listen=environment.get("KITH_HEALTH_LISTEN", ""),
        metrics_listen=environment.get("KITH_METRICS_LISTEN", ""),
        drain_seconds=number(environment, "KITH_DRAIN_SECONDS", 0, low=0, high=300),
        connection_age_seconds=number(environment, "KITH_CONNECTION_AGE_SECONDS", 300, low=1, high=86_400),
        tls=_tls(environment),
        mongodb_uri=environment.get("MONGODB_URI", ""),
        database_prefix=environment.get("KITH_DATABASE_PREFIX", "kith_"),
        keep_indexes_days=number(environment, "KITH_KEEP_INDEXES_DAYS", 7, low=0, high=3650),
        amqp_uri=environment.get("AMQP_URI", ""),
        smtp_uri=environment.get("SMTP_URI", ""),
        mail_from=environment.get("KITH_MAIL_FROM", "kith@localhost"),
        public_url=environment.get("KITH_PUBLIC_URL", "").rstrip("/"),
        otlp_endpoint=environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
        traces_ratio=number(environment, "OTEL_TRACES_SAMPLER_ARG", 1.0, low=0, high=1),
        threads=int(number(environment, "KITH_THREADS", 8, low=1, high=256)),
        retry_delays=_delays(environment, "KITH_RETRY_DELAYS"),
        log_level=environment.get("LOG_LEVEL", "INFO").upper(),
        signing_keys=environment.get("KITH_SIGNING_KEYS", ""),
        token_seconds=int(number(environment, "KITH_TOKEN_SECONDS", 300, low=60, high=300)),
        peers={name: environment.get(f"KITH_{name.upper()}_ADDRESS", "") for name in SERVICES},
    )


def number(environment: Mapping[str, str], name: str, default: float, *, low: float, high: float) -> float:
    """A number from the environment.

    Raises:
        SettingError: it is none, or outside of its bounds.
    """
    text = environment.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError as error:
        raise SettingError(f"{name} is {text!r}: give a number from {low:g} to {high:g}") from error
    if not low <= value <= high:
        raise SettingError(f"{name} is {text!r}: give a number from {low:g} to {high:g}")
    return value


def _tls(environment: Mapping[str, str]) -> Tls | None:
    names = ("KITH_TLS_CERT_FILE", "KITH_TLS_KEY_FILE", "KITH_TLS_CA_FILE")
    files = [environment.get(name, "") for name in names]
    missing = [name for name, file in zip(names, files, strict=True) if not file]
    if len(missing) == len(names):
        return None
    if missing:
        raise SettingError(f"{missing[0]} is not set: give all of {', '.join(names)}, or none")
    return Tls(*files)


def _required(environment: Mapping[str, str], name: str, meaning: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise SettingError(f"{name} is not set: give {meaning}")
    return value


def _delays(environment: Mapping[str, str], name: str) -> tuple[float, ...]:
    text = environment.get(name, "")
    try:
        delays = tuple(float(part) for part in text.split(",")) if text else RETRY_DELAYS
    except ValueError as error:
        raise SettingError(f"{name} is {text!r}: give seconds between commas, such as 1,5,30") from error
    if not all(0 < delay <= 86_400 for delay in delays):
        raise SettingError(f"{name} is {text!r}: give seconds from 0.001 to 86400")
    return delays
