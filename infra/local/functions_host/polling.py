"""Listener of a queue trigger: receives batches, runs the function for each message, settles the message.

Source: QueueListener.cs and QueueProcessor.cs of the Storage extension.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.queue.aio import QueueClient

from infra.local.functions_host.background import begin
from infra.local.functions_host.backoff import Backoff
from infra.local.functions_host.locks import MessageLock
from infra.local.functions_host.queues import (
    Delivery,
    UndecodableError,
    brief,
    decode,
    is_lost,
    is_server_error,
    receive,
    send,
)
from infra.local.functions_host.settings import QueueOptions

log = logging.getLogger("functions_host")

#: seconds for which a received message is invisible to others; host.json cannot change it
LOCK_S = 600
#: seconds after which a poll without an answer is given up
POLL_S = 100.0

#: runs the function for a message body; returns whether it succeeded
Handler = Callable[[Delivery, bytes], Awaitable[bool]]
#: ends the host; receives the reason
Fail = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Times of a listener, in seconds: of a message's lock, and of a poll without an answer."""

    lock_s: int = LOCK_S
    poll_s: float = POLL_S


class QueueListener:
    """Listens to one queue for one function, from `start` to `stop`."""

    def __init__(
        self,
        queue: QueueClient,
        poison: QueueClient | None,
        options: QueueOptions,
        handler: Handler,
        fail: Fail,
        *,
        notify: Callable[[str], None] = lambda _: None,
        redeliver: bool = False,
        times: Times | None = None,
    ) -> None:
        self._queue = queue
        self._poison = poison
        self._options = options
        self._handler = handler
        self._fail = fail
        self._notify = notify
        self._redeliver = redeliver
        self._times = times or Times()
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
            if deliveries is None:
                return
            if not await self._begin(deliveries):
                return
            if deliveries:
                self._backoff.reset()
                await self._room_for_a_batch()
            elif not self._stopping:
                await self._idle(self._backoff.next_s())

    async def _receive(self) -> list[Delivery] | None:
        """Return the next batch; empty if there is none, or if the queue is missing or fails. None ends the host."""
        try:
            async with asyncio.timeout(self._times.poll_s):
                return await receive(self._queue, self._options.batch_size, self._times.lock_s)
        except TimeoutError:
            log.warning("Queue %s gave no answer for %g s", self._queue.queue_name, self._times.poll_s)
        except HttpResponseError as error:
            # A missing queue is not reported: triggers wait for a queue and do not create it.
            if is_server_error(error):
                log.warning("Queue %s could not be read: %s", self._queue.queue_name, brief(error))
            elif not is_lost(error):
                self._end("read", error)
                return None
        except AzureError as error:
            self._end("reached", error)
            return None
        return []

    async def _begin(self, deliveries: Sequence[Delivery]) -> bool:
        """Begin to process a batch, after its undecodable messages are moved one by one.

        Return False if one of them could not be moved: then the rest of the batch stays locked, and the host ends.
        """
        decoded = []
        for delivery in deliveries:
            try:
                decoded.append((delivery, decode(delivery.text, is_base64=self._options.base64)))
            except UndecodableError as error:
                log.warning("Queue %s: %s", self._queue.queue_name, error)
                if not await self._settle(self._to_poison(delivery, delivery.pop_receipt)):
                    return False
        for delivery, body in decoded:
            task = begin(self._process(delivery, body), f"message {delivery.id}")
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)
        return True

    async def _room_for_a_batch(self) -> None:
        while len(self._in_flight) > self._options.new_batch_threshold:
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)

    async def _idle(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _process(self, delivery: Delivery, body: bytes) -> None:
        # A poison queue has no poison queue: its messages run however often they were delivered.
        if self._poison is not None and delivery.dequeue_count > self._options.max_dequeue_count:
            await self._settle(self._to_poison(delivery, delivery.pop_receipt))
            return
        lock = MessageLock(self._queue, delivery, self._times.lock_s, self._fail)
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

    async def _settle(self, settling: Awaitable[None]) -> bool:
        """Settle a message. Return False if that failed: the message comes again after its lock, and the host ends."""
        try:
            await settling
        except HttpResponseError as error:
            if not is_lost(error):
                self._end("updated", error)
                return False
        except AzureError as error:
            self._end("updated", error)
            return False
        return True

    def _end(self, what: str, error: AzureError) -> None:
        self._fail(f"queue {self._queue.queue_name} could not be {what}: {brief(error)}")
