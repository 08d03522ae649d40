"""Message lock: keeps a message invisible to others while its function runs."""

import asyncio
import logging

from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.queue.aio import QueueClient

from infra.local.functions_host.queues import Delivery, brief, is_lost, is_server_error

log = logging.getLogger("functions_host")

#: shortest wait after a server error, in seconds; each error halves the wait
_MIN_RENEWAL_S = 60.0


class MessageLock:
    """The lock of one message. It is renewed at half of `lock_s`, and sooner after a server error.

    It is given up when another receiver has the message. Each renewal changes the pop receipt; only `pop_receipt`, the
    latest one, can delete or release the message.
    """

    def __init__(self, queue: QueueClient, delivery: Delivery, lock_s: int) -> None:
        self._queue = queue
        self._id = delivery.id
        self._lock_s = lock_s
        self._wait_s = lock_s / 2
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
        self._timer = asyncio.get_running_loop().call_later(self._wait_s, self._start)

    def _start(self) -> None:
        self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        try:
            renewed = await self._queue.update_message(self._id, self.pop_receipt, visibility_timeout=self._lock_s)
        except HttpResponseError as error:
            if is_lost(error):
                log.warning("The lock of message %s is lost (%s)", self._id, error.reason)
                return
            self._after_failure(error, soon=is_server_error(error))
        except AzureError as error:
            self._after_failure(error, soon=True)
        else:
            self.pop_receipt = renewed.pop_receipt or self.pop_receipt
            self._wait_s = self._lock_s / 2
            self._schedule()

    def _after_failure(self, error: AzureError, *, soon: bool) -> None:
        log.warning("Lock of message %s could not be renewed: %s", self._id, brief(error))
        if soon:
            self._wait_s = min(self._wait_s, max(self._wait_s / 2, _MIN_RENEWAL_S))
            self._schedule()
