"""What Prometheus reads: every metric of the process as text at `/metrics`, on an address of its own.

The text is made when it is asked for, in a thread beside those that serve; in a process patched by eventlet
that thread is a green one. The registry is the reader's own, so that nothing of another library slips in.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable
from http.server import ThreadingHTTPServer
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from prometheus_client import CollectorRegistry, MetricsHandler, ProcessCollector
from prometheus_client.core import Metric

from services.chassis.settings import SettingError


class ScrapedReader(PrometheusMetricReader):
    """Shows the metrics of its provider, and those of the process, to whoever reads `http://<listen>/metrics`.

    Raises:
        SettingError: it cannot be listened on.
    """

    def __init__(self, listen: str) -> None:
        registry = _Registry()
        # Resident memory, file descriptors and the time of the start, under the names that everybody's dashboards know.
        ProcessCollector(registry=registry)
        super().__init__(scope_info_enabled=False, registry=registry)
        self._server = _listen(listen, registry)
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:
        """Stops listening; takes up to half a second."""
        self._server.shutdown()
        self._server.server_close()
        super().shutdown(timeout_millis)


class _Registry(CollectorRegistry):
    """Lets one scrape at a time collect: the exporter keeps what it shows in one place for all who ask."""

    def __init__(self) -> None:
        super().__init__()
        self._turn = threading.Lock()

    def collect(self) -> Iterable[Metric]:
        with self._turn:
            return list(super().collect())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, handler: type[MetricsHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler)


def _listen(listen: str, registry: CollectorRegistry) -> _Server:
    class Handler(MetricsHandler):
        timeout = 5  # seconds that a connection may say nothing

    Handler.registry = registry
    host, colon, port = listen.rpartition(":")
    try:
        return _Server(host.strip("[]"), int(colon and port), Handler)
    except (ValueError, OverflowError) as error:
        raise SettingError(f"KITH_METRICS_LISTEN is {listen!r}: give host:port, such as 0.0.0.0:9464") from error
    except OSError as error:
        raise SettingError(f"KITH_METRICS_LISTEN is {listen!r}, and that cannot be had: {error.strerror}") from error
