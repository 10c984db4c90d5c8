"""`python -m services.notification api|worker|migrate`"""

from __future__ import annotations

from services.chassis.process import main
from services.chassis.settings import Settings


def _worker(_package: str, settings: Settings) -> None:
    """As every service's worker, but its handlers must know the mail server."""
    from services.chassis.bus import green

    green.patch()
    from services.chassis.bus import worker
    from services.notification.records import RECORDS
    from services.notification.worker import handlers

    worker.run("notification", RECORDS, handlers(settings), settings)


if __name__ == "__main__":
    main(__package__, {"worker": _worker})
