"""python -m cli.viewer: listens on KITH_LISTEN (host:port, default 127.0.0.1:4318)."""

from __future__ import annotations

import os

import uvicorn

from cli.viewer.app import build


def main() -> None:
    """Serves until it is told to stop."""
    host, _, port = os.environ.get("KITH_LISTEN", "127.0.0.1:4318").rpartition(":")
    uvicorn.run(
        build(),
        host=host.strip("[]") or "127.0.0.1",
        port=int(port),
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
