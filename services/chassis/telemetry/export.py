"""Sends spans and metrics to an OTLP/HTTP collector from one background thread.

A dead or slow collector must cost the service nothing. So the queue is bounded and drops its oldest span,
a request gets two seconds, failures are followed by growing pauses, and at most one warning a minute is
logged. The hot path only appends to a deque: no lock, no wake-up. In a process patched by eventlet the
thread is a green one and its socket yields, so the same code serves there.
"""

from __future__ import annotations

import gzip
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from services.chassis.telemetry import wire

QUEUE_SPANS: Final = 8192  # about 3 MB at the most
_BATCH_SPANS: Final = 2048
_TICK_SECONDS: Final = 0.5
_METRICS_SECONDS: Final = 30.0
_TIMEOUT_SECONDS: Final = 2.0
_LONGEST_PAUSE_SECONDS: Final = 30.0
_WARNING_SECONDS: Final = 60.0
_SCOPE: Final = wire.delimited(1, wire.text(1, "kith"))

log = logging.getLogger(__name__)


class Exporter:
    """Drains `queue` twice a second and `metrics` twice a minute into `endpoint` (a base URL)."""

    def __init__(self, endpoint: str, resource: bytes, queue: deque[bytes], metrics: Callable[[], bytes]) -> None:
        """`resource` is OTLP's `Resource` message; `metrics` answers the fields of a `ScopeMetrics`."""
        self._collector = _Collector(endpoint)
        self._resource = wire.delimited(1, resource)
        self._queue = queue
        self._metrics = metrics
        self._stop = threading.Event()
        self._pause = 0.0
        self._resume_at = 0.0
        self._metrics_at = time.monotonic() + _METRICS_SECONDS
        self._warn_at = 0.0
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)

    def start(self) -> None:
        """Begins to export."""
        self._thread.start()

    def shutdown(self, timeout_seconds: float = 2.0) -> None:
        """Exports what is left and stops, giving up after the timeout."""
        self._stop.set()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while not self._stop.wait(_TICK_SECONDS):
            if time.monotonic() >= self._resume_at:
                self._drain()
        # One try, also in a pause: the collector may be back, and the thread is not waited for for long.
        self._metrics_at = 0.0
        self._drain()
        self._collector.close()

    def _drain(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), _BATCH_SPANS))]
            if not self._sent("/v1/traces", _SCOPE + b"".join(map(_framed, batch))):
                # Back to the old end, unless newer spans have filled the queue meanwhile.
                room = QUEUE_SPANS - len(self._queue)
                self._queue.extendleft(reversed(batch[-room:] if room > 0 else []))
                return
        if time.monotonic() >= self._metrics_at:
            self._metrics_at = time.monotonic() + _METRICS_SECONDS
            if metrics := self._metrics():
                self._sent("/v1/metrics", _SCOPE + metrics)

    def _sent(self, path: str, scope: bytes) -> bool:
        """Whether there is no point in sending this again. Both signals nest resource and scope alike."""
        try:
            self._collector.post(path, wire.delimited(1, self._resource + wire.delimited(2, scope)))
        except (OSError, HTTPException, _RefusalError) as error:
            self._wait_longer(error)
            return isinstance(error, _RefusalError) and error.final
        self._pause = 0.0
        return True

    def _wait_longer(self, error: Exception) -> None:
        now = time.monotonic()
        self._pause = min(max(2 * self._pause, 1.0), _LONGEST_PAUSE_SECONDS)
        self._resume_at = now + self._pause
        if now >= self._warn_at:
            self._warn_at = now + _WARNING_SECONDS
            log.warning("telemetry is not being exported: %s: %s", type(error).__name__, error)


def _framed(span: bytes) -> bytes:
    return b"\x12" + wire.varint(len(span)) + span


class _RefusalError(Exception):
    """The collector answered, but not with success."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the collector answered {status}")
        # Source: OTLP specification, "Retryable Response Codes".
        self.final = status not in (429, 502, 503, 504)


class _Collector:
    """One kept-alive connection to the collector."""

    def __init__(self, endpoint: str) -> None:
        url = urlsplit(endpoint)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"OTEL_EXPORTER_OTLP_ENDPOINT must be http://host:port, not {endpoint!r}")
        self._connect = HTTPSConnection if url.scheme == "https" else HTTPConnection
        self._host, self._port, self._path = url.hostname, url.port or 4318, url.path.rstrip("/")
        # Between processes of one machine compressing costs more than it saves.
        self._compress = url.hostname not in ("127.0.0.1", "localhost", "::1")
        self._connection: HTTPConnection | None = None

    def post(self, path: str, body: bytes) -> None:
        """Delivers one export request, or raises."""
        headers = {"Content-Type": "application/x-protobuf"}
        if self._compress:
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        status = self._status(path, body, headers)
        if not 200 <= status < 300:
            raise _RefusalError(status)

    def close(self) -> None:
        """Lets go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _status(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        if self._connection is None:
            self._connection = self._connect(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        try:
            self._connection.request("POST", self._path + path, body, headers)
            response = self._connection.getresponse()
            response.read()
        except BaseException:
            self.close()
            raise
        return response.status
