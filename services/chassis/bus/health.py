"""/livez and /readyz of a worker, over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from services.chassis.bus.pulse import Pulse


def serve(listen: str, pulses: Sequence[Pulse], draining: Callable[[], bool]) -> ThreadingHTTPServer:
    """Answers 200, or 503 with the problems, on host:port until `shutdown()` is called.

    pulses: those that count at the time of a question; the caller may change what is in it.

    Raises:
        OSError: the address cannot be listened on.
    """

    class Handler(BaseHTTPRequestHandler):
        """GET /livez, GET /readyz."""

        protocol_version = "HTTP/1.1"
        timeout = 5

        def do_GET(self) -> None:
            problems = _problems(self.path, pulses, draining())
            if problems is None:
                self._answer(404, {"status": "not found"})
            elif problems:
                self._answer(503, {"status": "failing", "problems": problems})
            else:
                self._answer(200, {"status": "ok"})

        def _answer(self, status: int, content: dict[str, object]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes come every few seconds: nobody wants to read of them."""

    host, _, port = listen.rpartition(":")
    server = ThreadingHTTPServer((host.strip("[]"), int(port)), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server


def _problems(path: str, pulses: Sequence[Pulse], draining: bool) -> list[str] | None:
    if path == "/livez":
        return [pulse.stuck for pulse in pulses if pulse.stuck]
    if path == "/readyz":
        found = [f"{pulse.name}: {pulse.problem}" for pulse in pulses if pulse.problem]
        return [*found, "stopping"] if draining else found
    return None
