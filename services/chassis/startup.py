"""How a process comes up while what it needs may still be away: it waits, says why, and tries again.

One that ended instead would be started over and over, each time later; and whoever looks would see crashes where
nothing is wrong. Only a mistake that waiting cannot mend (a SettingError) ends it.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

import pymongo
from pymongo.errors import OperationFailure, PyMongoError, ServerSelectionTimeoutError

from services.chassis.patience import NotYet, Patience

R = TypeVar("R")

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 3.5  # with its jitter less than 5
_FIRST_LIMIT_SECONDS = 1.0
_LONGEST_LIMIT_SECONDS = 10.0
_NOTICE_SECONDS = 0.05  # so soon a signal is noticed
_TIMEOUTS = re.compile(r" \(configured timeouts: [^)]*\)")
_log = logging.getLogger(__name__)


class Stopped(Exception):
    """The process was told to end while it waited."""


def _nobody(_reason: str) -> None:
    return None


def until_done(
    attempt: Callable[[], R],
    stopped: threading.Event,
    told: Callable[[str], None] = _nobody,
    *,
    limited: bool = True,
) -> R:
    """What `attempt` returns when it succeeds at last; while it raises NotYet or PyMongoError it is tried again.

    Pauses grow to five seconds. The reason is logged when it changes, and `told` after each attempt.
    limited: an attempt has a second for all it asks of MongoDB, later ones more, up to about ten.

    Raises:
        Stopped: `stopped` was set.
    """
    pauses = Patience(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
    limits = Patience(_FIRST_LIMIT_SECONDS, _LONGEST_LIMIT_SECONDS)
    last = ""
    while True:
        try:
            with pymongo.timeout(limits.seconds() if limited else None):
                return attempt()
        except (NotYet, PyMongoError) as error:
            reason = _reason(error)
        if stopped.is_set():
            raise Stopped(reason)
        if reason != last:
            _log.warning("waiting: %s", reason)
            last = reason
        told(reason)
        stopped.wait(pauses.seconds())


def await_ready(look: Callable[[], None], stopped: threading.Event, told: Callable[[str], None] = _nobody) -> bool:
    """Waits as `until_done`, but a signal ends it at once, also amid an attempt; whether it came to its end.

    `look` runs in another thread and is left behind there when the process is told to end: it must only look.
    """
    outcome: Future[None] = Future()
    threading.Thread(target=_settle, args=(outcome, look, stopped, told), name="startup", daemon=True).start()
    while not stopped.is_set():
        if wait([outcome], timeout=_NOTICE_SECONDS).done and not stopped.is_set():
            outcome.result()
            return True
    return False


def _settle(
    outcome: Future[None], attempt: Callable[[], None], stopped: threading.Event, told: Callable[[str], None]
) -> None:
    try:
        outcome.set_result(until_done(attempt, stopped, told))
    except BaseException as error:  # noqa: BLE001 - raised again by whoever waits for the outcome
        outcome.set_exception(error)


def _reason(error: Exception) -> str:
    """Why an attempt failed, in the same words each time, and without secrets."""
    if isinstance(error, ServerSelectionTimeoutError):
        told = _TIMEOUTS.sub("", str(error).partition(", Timeout: ")[0])
        return f"MongoDB does not answer: {', '.join(sorted(told.split(',')))}"
    if isinstance(error, OperationFailure):
        return f"MongoDB refuses: {(error.details or {}).get('codeName', '')} ({error.code})"
    if isinstance(error, PyMongoError):
        return f"MongoDB: {type(error).__name__}"
    return str(error)
