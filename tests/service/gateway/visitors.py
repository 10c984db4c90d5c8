"""Clients behind a balancer, which sends new connections to gateways that are ready and leaves old ones alone."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

from tests.unit.gateway.process import GatewayProcess
from tests.unit.gateway.standin import API_KEY

_HEADERS = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json", "Request-Timeout": "30"}
_CONTACT = json.dumps({"givenName": "Ada"})
_REQUESTS = (
    ("POST", "/v1/contacts", _CONTACT),
    ("GET", "/v1/contacts?page_size=1", None),
    ("POST", "/v1/sessions:signIn", json.dumps({"tenant": "acme", "email": "a@b.c", "password": "x"})),
)


class Balancer:
    """Knows which gateways are ready, by asking them; a second late, as balancers are."""

    def __init__(self, gateways: list[GatewayProcess]) -> None:
        self.gateways = gateways
        self._ready = list(gateways)
        self._turns = itertools.count()
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def connect(self) -> http.client.HTTPConnection:
        """A connection to one of those that are ready."""
        ready = self._ready
        chosen = ready[next(self._turns) % len(ready)]
        return http.client.HTTPConnection("127.0.0.1", chosen.port, timeout=60)

    def close(self) -> None:
        """Stops asking."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(1):
            self._ready = [gateway for gateway in self.gateways if _is_ready(gateway)] or self._ready


class Visitors:
    """Clients that keep their connections and send some requests a second, all together."""

    def __init__(self, balancer: Balancer, count: int = 8, per_second: float = 40) -> None:
        self.answers: Counter[str] = Counter()
        self._balancer = balancer
        self._pause = count / per_second
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._visit, args=(number,)) for number in range(count)]

    def __enter__(self) -> Visitors:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, number: int) -> None:
        connection = self._balancer.connect()
        for method, path, body in itertools.islice(itertools.cycle(_REQUESTS), number, None):
            if self._stopped.wait(self._pause):
                return
            try:
                connection.request(method, path, body, _HEADERS)
                answer = connection.getresponse()
                content = answer.read()
                moved = answer.will_close
                self.answers["ok" if answer.status < 300 else f"{method} {path}: {content[:300]!r}"] += 1
            except (OSError, http.client.HTTPException) as error:
                self.answers[f"{method} {path}: {error!r}"] += 1
                moved = True
            if moved:
                connection.close()
                connection = self._balancer.connect()


def until(happened: Callable[[], Any], seconds: float = 30) -> None:
    """Waits for something; fails when it does not come."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def _is_ready(gateway: GatewayProcess) -> bool:
    try:
        return httpx.get(f"{gateway.url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
