"""Publishes with confirms, many messages at a time: nothing counts as sent before the broker has it on disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any

from amqp import spec
from amqp.basic_message import Message

from services.chassis.bus.link import Link

CONFIRM_TIMEOUT_SECONDS = 30.0
_PUBLISH = "Bssbb"


class NotSent(Exception):
    """The broker did not take a message; the text says why."""


class Unroutable(NotSent):
    """A mandatory message found no queue."""


class Publisher:
    """A channel in confirm mode. Create it before its link starts.

    After a message was returned or refused, nothing counts as confirmed any more and `check` raises: the caller
    goes back to what was confirmed, with a new publisher.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._channel = link.channel
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)
        self._outstanding: dict[int, None] = {}
        self._sent = 0
        self._problem: NotSent | None = None
        self._settled = threading.Event()

    @property
    def confirmed(self) -> int:
        """The number of the last message up to which all are confirmed; 0 is none."""
        return next(iter(self._outstanding), self._sent + 1) - 1

    @property
    def sent(self) -> int:
        """The number of the last message sent; 0 is none."""
        return self._sent

    def check(self) -> None:
        """Raises NotSent or LinkLost if something went wrong since."""
        if self._problem is not None:
            raise self._problem
        self._link.check()

    def send(
        self,
        body: bytes,
        properties: Mapping[str, Any],
        *,
        exchange: str = "",
        key: str,
        mandatory: bool = True,
    ) -> int:
        """Sends one persistent message without waiting; returns its number, counted from 1."""
        self._sent += 1
        self._outstanding[self._sent] = None
        message = Message(body, delivery_mode=2, **properties)
        self._channel.send_method(spec.Basic.Publish, _PUBLISH, (0, exchange, key, mandatory, False), message)
        return self._sent

    def await_confirmed(
        self, number: int = 0, *, at_most: int = 0, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """Waits until a message is confirmed; without a number, until at most so many are on their way.

        Calls `meanwhile` about once a second, which may raise to end it.

        Raises:
            NotSent: the broker refused or returned one, or did not answer in 30 s while it was not blocked.
            LinkLost: the connection is gone.
        """
        deadline = time.monotonic() + CONFIRM_TIMEOUT_SECONDS
        while True:
            self.check()
            self._settled.clear()
            if (number not in self._outstanding) if number else len(self._outstanding) <= at_most:
                return
            self._settled.wait(1.0)
            meanwhile()
            if self._link.blocked:
                deadline = time.monotonic() + CONFIRM_TIMEOUT_SECONDS
            elif time.monotonic() > deadline:
                raise NotSent("the broker did not confirm in time")

    def _on_ack(self, number: int, multiple: bool) -> None:
        if self._problem is not None:
            return
        if multiple:
            for earlier in list(takewhile(lambda sent: sent <= number, self._outstanding)):
                del self._outstanding[earlier]
        else:
            self._outstanding.pop(number, None)
        self._settled.set()

    def _on_nack(self, number: int, _multiple: bool) -> None:
        self._fail(NotSent(f"the broker refused message {number}"))

    def _on_return(self, _error: Exception, exchange: str, key: str, _message: Any) -> None:
        # A return comes before the confirm of the same message, so that message is still outstanding.
        self._fail(Unroutable(f"no queue takes {key} from {exchange or 'the default exchange'}"))

    def _fail(self, problem: NotSent) -> None:
        self._problem = self._problem or problem
        self._settled.set()
