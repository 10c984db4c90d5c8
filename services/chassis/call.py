"""One call of a gRPC method, as the code behind it sees it."""

from __future__ import annotations

from dataclasses import dataclass

from services.chassis import telemetry
from services.chassis.principal import Principal
from services.chassis.resources.changes import Author


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls, and for how long there is an answer to give. `seconds_left` was measured when the call came in.

    `address` is the network address that it came from as the gateway saw it, else the peer's; only good for limits.
    """

    principal: Principal
    seconds_left: float
    address: str = ""

    @property
    def authorization(self) -> str:
        """The header that proves the caller to other services."""
        return f"Bearer {self.principal.token}"

    def author(self) -> Author:
        """The caller as the author of a change, in the current trace."""
        return Author(
            self.principal.tenant, self.principal.subject, telemetry.current_traceparent(), self.principal.permissions
        )
