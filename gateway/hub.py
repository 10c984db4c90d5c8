"""Listens to all events of the bus for the clients of this process, as long as there are any.

One exclusive queue is bound to the exchanges of all services. It is there only while somebody listens: an event costs
a quarter of a create to receive. When the broker goes away nobody can tell what was missed, so every open stream is
ended; clients come back with Last-Event-ID and get the rest from the services' logs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from yarl import URL

from gateway.subscriptions import NoEvent, Subscription, event_of
from services.chassis.errors import Unavailable

CONNECT_SECONDS = 5.0
HEARTBEAT_SECONDS = 10
LINGER_SECONDS = 30.0
"""So long the queue stays after the last client has gone: browsers that reload come back."""
RETRY_SECONDS = 1.0

_FAILURES = (OSError, TimeoutError, aio_pika.exceptions.AMQPError)
_log = logging.getLogger(__name__)


class EventHub:
    """Fans live events out to subscriptions, tenant by tenant."""

    def __init__(self, uri: str, exchanges: Iterable[str]) -> None:
        """`uri` is the broker's, or several between semicolons; empty means that there are no live events."""
        self._uri = uri
        self._exchanges = tuple(exchanges)
        self._by_tenant: dict[str, set[Subscription]] = {}
        self._listening = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def size(self) -> int:
        """Open subscriptions."""
        return sum(map(len, self._by_tenant.values()))

    async def subscribe(self, tenant: str, wants: Callable[[str], bool]) -> Subscription:
        """Begins to collect a tenant's events; end it with `unsubscribe`.

        Raises:
            Unavailable: the broker cannot be reached now.
        """
        subscription = Subscription(tenant, wants)
        self._by_tenant.setdefault(tenant, set()).add(subscription)
        self._idle.clear()
        try:
            await self._until_listening()
        except BaseException:
            self.unsubscribe(subscription)
            raise
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Ends a subscription; ending it twice does no harm."""
        subscribed = self._by_tenant.get(subscription.tenant, set())
        subscribed.discard(subscription)
        if not subscribed:
            self._by_tenant.pop(subscription.tenant, None)
        if not self._by_tenant:
            self._idle.set()

    def end_streams(self) -> None:
        """Ends all streams that are open; others may begin."""
        for subscriptions in self._by_tenant.values():
            for subscription in subscriptions:
                subscription.cut()

    async def close(self) -> None:
        """Ends all streams and the connection."""
        self._uri = ""
        self.end_streams()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _until_listening(self) -> None:
        if not self._uri:
            raise Unavailable("there are no live events now", reason="EVENTS_UNAVAILABLE")
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._listen_while_wanted())
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._listening.wait()
        except TimeoutError:
            raise Unavailable(
                "the event bus cannot be reached; try again in a moment", reason="EVENTS_UNAVAILABLE"
            ) from None

    async def _listen_while_wanted(self) -> None:
        while self._by_tenant:
            try:
                await self._listen()
            except _FAILURES as error:
                # The error's text may hold the broker's address with its password: its class says enough.
                _log.warning("the event bus cannot be reached (%s)", type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
            finally:
                self._listening.clear()
                self.end_streams()

    async def _listen(self) -> None:
        """Listens until the connection is lost, or nobody has listened for a while."""
        connection = await self._connect()
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("", exclusive=True, auto_delete=True)
            for name in self._exchanges:
                exchange = await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=True)
                await queue.bind(exchange, "#")
            await queue.consume(self._receive, no_ack=True)
            self._listening.set()
            lost = asyncio.ensure_future(_first(connection.closed(), channel.closed()))
            try:
                while not lost.done() and not await self._deserted(lost):
                    pass
            finally:
                lost.cancel()

    async def _connect(self) -> AbstractConnection:
        """A connection to the first address that answers."""
        problem: Exception = OSError("there is no address")
        for address in filter(None, self._uri.split(";")):
            # A broker that vanished without a word is noticed by its missing heartbeats.
            uri = URL(address).update_query(heartbeat=HEARTBEAT_SECONDS)
            try:
                return await aio_pika.connect(uri, timeout=CONNECT_SECONDS)
            except _FAILURES as error:
                problem = error
        raise problem

    async def _deserted(self, lost: asyncio.Future[None]) -> bool:
        """Waits until nobody listens any more (for a while) or the connection is lost; whether it was the former."""
        idle = asyncio.ensure_future(self._idle.wait())
        await asyncio.wait((lost, idle), return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        if lost.done():
            return False
        await asyncio.wait((lost,), timeout=LINGER_SECONDS)
        return not self._by_tenant

    async def _receive(self, message: AbstractIncomingMessage) -> None:
        try:
            event = event_of(message.body)
        except NoEvent:
            _log.warning("a message on the bus is no event; it is ignored")
            return
        for subscription in self._by_tenant.get(event.tenant, ()):
            subscription.offer(event)


async def _first(*waited: object) -> None:
    tasks = [asyncio.ensure_future(one) for one in waited]  # type: ignore[call-overload]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
