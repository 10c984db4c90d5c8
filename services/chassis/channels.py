"""How a gRPC client of ours connects: found again soon after a restart, spread over all pods, never half-open."""

from __future__ import annotations

CHANNEL_OPTIONS = [
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]
