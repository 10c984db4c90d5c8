"""How an api is, for those who start and stop it: the standard health service on a port and threads of its own.

Calls can fill the api's own threads; a probe that waited behind them would have a busy process killed. `live` says
SERVING as long as the process runs and touches nothing else; the empty service says whether callers may be sent here.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

LIVE = "live"
READY = ""
_THREADS = 2
_MOST_AT_ONCE = 64
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Health:
    """Answers on `host:port` from now on, alive and unready; nowhere, if that is empty.

    Raises:
        RuntimeError: the address is taken.
    """

    def __init__(self, listen: str) -> None:
        self._said = health.HealthServicer(experimental_non_blocking=True)
        self._said.set(LIVE, _SERVING)
        self._said.set(READY, _NOT_SERVING)
        self._grpc = _server(listen, self._said) if listen else None

    def ready(self) -> None:
        """Callers may come."""
        self._said.set(READY, _SERVING)

    def unready(self) -> None:
        """Callers may not come any more."""
        self._said.set(READY, _NOT_SERVING)

    def stop(self) -> None:
        """Answers nobody any more."""
        if self._grpc is not None:
            self._grpc.stop(None).wait()


def _server(listen: str, said: health.HealthServicer) -> grpc.Server:
    server = grpc.server(
        ThreadPoolExecutor(_THREADS, thread_name_prefix="health"),
        options=[("grpc.so_reuseport", 0)],
        maximum_concurrent_rpcs=_MOST_AT_ONCE,
    )
    health_pb2_grpc.add_HealthServicer_to_server(said, server)
    server.add_insecure_port(listen)
    server.start()
    return server
