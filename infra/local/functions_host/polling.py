"""Listener of a queue trigger: receives batches, runs the function for each message, settles the message.

Source: QueueListener.cs and QueueProcessor.cs of the Storage extension.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.queue.aio import QueueClient

from infra.local.functions_host.background import begin
from infra.local.functions_host.backoff import Backoff
from infra.local.functions_host.locks import MessageLock
from infra.local.functions_host.queues import Delivery, UndecodableError, brief, decode, is_lost, receive, send
from infra.local.functions_host.settings import QueueOptions

log = logging.getLogger("functions_host")

#: seconds for which a received message is invisible to others; host.json cannot change it
LOCK_S = 600

#: runs the function for a message body; returns whether it succeeded
Handler = Callable[[Delivery, bytes], Awaitable[bool]]


class QueueListener:
    """Listens to one queue for one function, from `start` to `stop`."""

    def __init__(
        self,
        queue: QueueClient,
        poison: QueueClient | None,
        options: QueueOptions,
        handler: Handler,
        *,
        notify: Callable[[str], None] = lambda _: None,
        redeliver: bool = False,
        lock_s: int = LOCK_S,
    ) -> None:
        self._queue = queue
        self._poison = poison
        self._options = options
        self._handler = handler
        self._notify = notify
        self._redeliver = redeliver
        self._lock_s = lock_s
        self._backoff = Backoff(options.max_polling_interval_s)
        self._wake = asyncio.Event()
        self._stopping = False
        self._in_flight: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start listening."""
        self._loop = begin(self._listen(), f"queue {self._queue.queue_name}")

    def wake(self) -> None:
        """Request messages immediately, regardless of the back-off."""
        self._wake.set()

    async def stop(self) -> None:
        """Receive no more messages, and wait until all messages in flight are settled. Cancel it to skip the wait.

        As in Azure, a poll under way is cut off: what the service has already given out stays locked for 10 minutes.
        """
        self._stopping = True
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        if self._in_flight:
            await asyncio.wait(self._in_flight)

    async def abandon(self) -> None:
        """Cancel everything. Messages in flight are delivered again when their locks expire."""
        tasks = [task for task in (self._loop, *self._in_flight) if task is not None and not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        while not self._stopping:
            self._wake.clear()
            deliveries = await self._receive()
            for delivery in deliveries:
                task = begin(self._process(delivery), f"message {delivery.id}")
                self._in_flight.add(task)
                task.add_done_callback(self._in_flight.discard)
            if deliveries:
                self._backoff.reset()
                await self._room_for_a_batch()
            elif not self._stopping:
                await self._idle(self._backoff.next_s())

    async def _receive(self) -> list[Delivery]:
        try:
            return await receive(self._queue, self._options.batch_size, self._lock_s)
        except HttpResponseError as error:
            # A missing queue is not reported: triggers wait for a queue and do not create it.
            if not is_lost(error):
                log.warning("Queue %s could not be read: %s", self._queue.queue_name, brief(error))
        except AzureError as error:
            log.warning("Queue %s cannot be reached: %s", self._queue.queue_name, brief(error))
        return []

    async def _room_for_a_batch(self) -> None:
        while len(self._in_flight) > self._options.new_batch_threshold:
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)

    async def _idle(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _process(self, delivery: Delivery) -> None:
        try:
            body = decode(delivery.text, is_base64=self._options.base64)
        except UndecodableError as error:
            log.warning("Queue %s: %s", self._queue.queue_name, error)
            await self._settle(self._to_poison(delivery, delivery.pop_receipt))
            return
        # A poison queue has no poison queue: its messages run however often they were delivered.
        if self._poison is not None and delivery.dequeue_count > self._options.max_dequeue_count:
            await self._settle(self._to_poison(delivery, delivery.pop_receipt))
            return
        lock = MessageLock(self._queue, delivery, self._lock_s)
        try:
            succeeded = await self._handler(delivery, body)
        finally:
            pop_receipt = await lock.stop()
        await self._settle(self._complete(delivery, pop_receipt, succeeded=succeeded))

    async def _complete(self, delivery: Delivery, pop_receipt: str, *, succeeded: bool) -> None:
        if succeeded and self._redeliver and delivery.dequeue_count == 1 < self._options.max_dequeue_count:
            log.info("Message %s succeeded and is delivered again, as FUNCTIONS_HOST_REDELIVER asks", delivery.id)
            await self._queue.update_message(delivery.id, pop_receipt, visibility_timeout=0)
        elif succeeded:
            await self._queue.delete_message(delivery.id, pop_receipt)
        elif self._poison is None:
            # As in Azure, the message stays invisible until the lock expires, so that it does not fail in a tight loop.
            return
        elif delivery.dequeue_count >= self._options.max_dequeue_count:
            await self._to_poison(delivery, pop_receipt)
        else:
            wait_s = self._options.visibility_timeout_s
            await self._queue.update_message(delivery.id, pop_receipt, visibility_timeout=wait_s)

    async def _to_poison(self, delivery: Delivery, pop_receipt: str) -> None:
        if self._poison is None:
            return
        log.warning("Message %s goes to queue %s", delivery.id, self._poison.queue_name)
        await send(self._poison, delivery.text)
        self._notify(self._poison.queue_name)
        await self._queue.delete_message(delivery.id, pop_receipt)

    async def _settle(self, settling: Awaitable[None]) -> None:
        try:
            await settling
        except HttpResponseError as error:
            if not is_lost(error):
                log.exception("A message of queue %s could not be settled", self._queue.queue_name)
        except AzureError:
            log.exception("A message of queue %s could not be settled", self._queue.queue_name)
