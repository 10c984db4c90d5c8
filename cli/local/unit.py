"""The two kinds of thing a platform is made of: processes that stay, and steps that end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cli.local import readiness


@dataclass(frozen=True, slots=True)
class Unit:
    """A process that runs as long as the platform does.

    address: a URL whose scheme says how readiness is asked for (see `readiness.answers`).
    after: the units and steps that must be ready before its first start.
    prepare: makes the first readiness possible (initiates a replica set); True once that is done.
    grace_seconds: how long it may take to end after SIGTERM before it is killed.
    server: stopped after everything that is not a server.
    """

    name: str
    command: tuple[str, ...]
    address: str
    environment: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    prepare: Callable[[], bool] | None = None
    grace_seconds: float = 10.0
    server: bool = False

    def ready(self) -> bool:
        """Whether the process does its work now."""
        return (self.prepare is None or self.prepare()) and readiness.answers(self.address)


@dataclass(frozen=True, slots=True)
class Step:
    """Work that is done once at each start; `run` raises StartFailed."""

    name: str
    run: Callable[[], None]
    after: tuple[str, ...] = ()
