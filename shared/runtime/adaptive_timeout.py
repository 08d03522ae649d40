"""Adaptive timeout: a worker waits for only a few directories whose first response is overdue.

A worker processes a limited number of messages of a queue concurrently. Directories that do not respond must not occupy
all of these slots, so their jobs are enqueued again with a delay.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import nullcontext
from typing import Final, TypeVar

from shared.domain.retry_policy import NO_RESPONSE
from shared.errors import Transient
from shared.runtime.bulkhead import AtCapacity, Bulkhead

#: Minimum time before a first response counts as overdue, in seconds. A worker that starts assumes it as its average,
#: because it has everything to load and to connect.
_MIN_OVERDUE_S: Final = 1.5
#: ...or this multiple of the worker's moving average.
_OVERDUE_RATIO: Final = 3.0
#: Upper bound for the above, and for what one response adds to the average, in seconds.
_MAX_OVERDUE_S: Final = 10.0
#: Overdue responses that a worker waits for concurrently.
_MAX_OVERDUE: Final = 8
#: Weight of one response in the moving average.
_WEIGHT: Final = 1 / 8

T = TypeVar("T")


class DirectoryUnavailable(Transient):
    """The directory did not respond in time, or responded only that it is out of order.

    It is asked again after `retry_after_s`. None means that it was asked often enough, and counts as unreadable.
    """


class SlowStartLimiter(Bulkhead):
    """The slots of one worker for jobs that wait for an overdue first response."""

    def __init__(self, slots: int = _MAX_OVERDUE) -> None:
        super().__init__(slots)
        self._average_s = _MIN_OVERDUE_S

    @property
    def overdue_after_s(self) -> float:
        """Time after which a first response counts as overdue at present, in seconds."""
        return max(_MIN_OVERDUE_S, min(_OVERDUE_RATIO * self._average_s, _MAX_OVERDUE_S))

    async def wait_for(self, response: Awaitable[T]) -> T:
        """Return a first response. Raises AtCapacity if it is overdue and no slot is free."""
        loop = asyncio.get_running_loop()
        began_s, waiting = loop.time(), asyncio.ensure_future(response)
        try:
            await asyncio.wait({waiting}, timeout=self.overdue_after_s)
            with nullcontext() if waiting.done() else self.acquire():
                received = await waiting
        finally:
            if not waiting.done():
                waiting.cancel()
                await asyncio.wait({waiting})
        self._average_s += _WEIGHT * (min(loop.time() - began_s, _MAX_OVERDUE_S) - self._average_s)
        return received


class FirstResponseGuard:
    """Guards the first response of a directory to one message of a job."""

    def __init__(self, slow_starts: SlowStartLimiter, attempts: int) -> None:
        """Create the guard of a message. `attempts` earlier messages of the job got no response."""
        self._slow_starts = slow_starts
        self._attempts = attempts
        self._has_responded = False

    async def await_response(self, response: Awaitable[T]) -> T:
        """Return a response of the directory.

        Raises:
            DirectoryUnavailable: It is the first response to this message, and it is overdue while no slot is free, or
                says that the directory is out of order.
            SyncError: As the directory raises.
        """
        if self._has_responded:
            return await response
        wait_s = NO_RESPONSE.wait_s(self._attempts)
        try:
            received = await self._slow_starts.wait_for(response)
        except (AtCapacity, TimeoutError) as error:
            message = "The first response of the directory is overdue."
            raise DirectoryUnavailable(message, code="no_answer", retry_after_s=wait_s) from error
        except Transient as error:
            if error.retry_after_s is not None:
                raise
            again_s = None if self._attempts >= NO_RESPONSE.retries else wait_s
            raise DirectoryUnavailable(str(error), code=error.code, retry_after_s=again_s) from error
        self._has_responded = True
        return received
