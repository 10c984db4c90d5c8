"""`python -m tests.service.gateway.pod`: a stand-in for all services as one pod, with the drain of an api.

Settings come from the environment as for every process; `SIGNING_KEY` is the private key that all pods share, as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import threading

from joserfc.jwk import OKPKey

from services.chassis import settings
from tests.unit.gateway.standin import StandIn


def main() -> None:
    """Serves until SIGTERM, then for as long as the drain takes."""
    given = settings.from_environment(os.environ)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    pod = StandIn(given, OKPKey.import_key(json.loads(os.environ["SIGNING_KEY"])))
    print("ready", flush=True)
    stopped.wait()
    threading.Event().wait(given.drain_seconds)
    pod.stop(10)


if __name__ == "__main__":
    main()
