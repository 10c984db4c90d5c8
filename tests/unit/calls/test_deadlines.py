"""How long a call may take."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest

from services.chassis.server import DEFAULT_SECONDS, MOST_SECONDS
from services.chassis.settings import Tls
from tests.unit.calls.echo import METHOD, Echo


@pytest.mark.parametrize(("given", "granted"), [(None, DEFAULT_SECONDS), (20.0, 20.0), (3600.0, MOST_SECONDS)])
def test_a_call_has_its_callers_deadline_within_bounds_and_one_of_ours_without(
    start: Callable[[Tls | None], Echo], given: float | None, granted: float
) -> None:
    echo = start(None)
    with grpc.insecure_channel(f"127.0.0.1:{echo.port}") as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{METHOD}")
        call(b"", timeout=given)
    assert echo.seconds == [pytest.approx(granted, abs=5)]
