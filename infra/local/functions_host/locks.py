"""Message lock: keeps a message invisible to others while its function runs."""

import asyncio
import logging
from collections.abc import Callable

from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.queue.aio import QueueClient

from infra.local.functions_host.queues import Delivery, brief, is_lost

log = logging.getLogger("functions_host")


class MessageLock:
    """The lock of one message. It is renewed after each half of `lock_s`. A renewal that fails ends the host.

    It is given up when another receiver has the message. Each renewal changes the pop receipt; only `pop_receipt`, the
    latest one, can delete or release the message.
    """

    def __init__(self, queue: QueueClient, delivery: Delivery, lock_s: int, fail: Callable[[str], None]) -> None:
        self._queue = queue
        self._id = delivery.id
        self._lock_s = lock_s
        self._fail = fail
        self.pop_receipt = delivery.pop_receipt
        self._renewing: asyncio.Task[None] | None = None
        # A timer instead of a task, because most functions end long before the first renewal.
        self._timer: asyncio.TimerHandle | None = None
        self._schedule()

    async def stop(self) -> str:
        """Stop renewing, and wait for a running renewal. Return the pop receipt for a deletion or release."""
        if self._timer is not None:
            self._timer.cancel()
        if self._renewing is not None:
            await self._renewing
        if self._timer is not None:
            self._timer.cancel()
        return self.pop_receipt

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._lock_s / 2, self._start)

    def _start(self) -> None:
        self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        try:
            renewed = await self._queue.update_message(self._id, self.pop_receipt, visibility_timeout=self._lock_s)
        except AzureError as error:
            if isinstance(error, HttpResponseError) and is_lost(error):
                log.warning("The lock of message %s is lost (%s)", self._id, error.reason)
            else:
                self._fail(f"the lock of message {self._id} could not be renewed: {brief(error)}")
        else:
            self.pop_receipt = renewed.pop_receipt or self.pop_receipt
            self._schedule()
