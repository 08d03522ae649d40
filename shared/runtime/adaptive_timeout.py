"""First answer: how long jobs wait for directories that they have not heard of yet, and when those are asked again.

A worker takes so many messages of a queue at once. A few silent directories are waited for as long as their clients do;
of many, those that have been waited for the longest are asked again later, by a new message, so that they do not keep
the directories of everybody else waiting.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from shared.domain.retry_policy import NO_RESPONSE
from shared.errors import Transient

#: A first answer is late after this long, in seconds, or after so many times as long as first answers usually take on
#: this worker, but not later than the third: where all directories are slow, none of them is. A worker that starts
#: takes this long to be usual, as it has all to load and to connect. And for how many late ones it waits at once.
_LATE_S: Final = 1.5
_LATE_TIMES: Final = 3.0
_LATE_AT_MOST_S: Final = 10.0
_LATE_AT_ONCE: Final = 8
#: What one answer counts for what is usual, and for how many times what is late it counts at most: some directories
#: have asked for time.
_WEIGHT: Final = 1 / 8
_AT_MOST: Final = 2.0
#: After how long a directory is asked again, in seconds; twice as long each time, and at most the second. The watchdog
#: takes a job for lost after a quarter of an hour.
_AGAIN_S: Final = NO_RESPONSE.first_wait_s
_AGAIN_AT_MOST_S: Final = NO_RESPONSE.max_wait_s
#: How often a directory that is out of order, or silent for as long as its client waits, is asked.
_TIMES: Final = NO_RESPONSE.retries + 1

T = TypeVar("T")


class DirectoryUnavailable(Transient):
    """The directory has not answered, or only that it is out of order.

    It is to be asked again after `retry_after_s`; without one it was asked often enough, and counts as unreadable.
    """


class SlowStartLimiter:
    """How long the jobs of one worker wait."""

    def __init__(self, late_at_once: int = _LATE_AT_ONCE) -> None:
        self._late_at_once = late_at_once
        #: Those who are late, by when they began to wait.
        self._late: dict[asyncio.Timeout, float] = {}
        self._usual_s = _LATE_S

    @property
    def overdue_after_s(self) -> float:
        """When a first answer is late at present, in seconds."""
        return max(_LATE_S, min(_LATE_TIMES * self._usual_s, _LATE_AT_MOST_S))

    @asynccontextmanager
    async def wait(self) -> AsyncIterator[None]:
        """Wait inside the context for a first answer. Raises: TimeoutError when it is late, and too many others are."""
        loop = asyncio.get_running_loop()
        began_s, late_s = loop.time(), self.overdue_after_s
        async with asyncio.timeout(None) as limit:
            timer = loop.call_later(late_s, self._is_late, limit, began_s)
            try:
                yield
                self._usual_s += _WEIGHT * (min(loop.time() - began_s, _AT_MOST * late_s) - self._usual_s)
            finally:
                timer.cancel()
                self._late.pop(limit, None)

    def _is_late(self, limit: asyncio.Timeout, began_s: float) -> None:
        self._late[limit] = began_s
        if len(self._late) > self._late_at_once:
            longest = min(self._late, key=self._late.__getitem__)
            del self._late[longest]
            longest.reschedule(0)


class FirstResponseGuard:
    """Whether this message of a job has heard of the directory; `asked` messages before it have not."""

    def __init__(self, patience: SlowStartLimiter, asked: int) -> None:
        self._patience = patience
        self._asked = asked
        self._heard = False

    async def await_response(self, answer: Awaitable[T]) -> T:
        """Return an answer of the directory's.

        Raises: DirectoryUnavailable if it is the first one of this message and is late while too many are, or says that
        the directory is out of order; otherwise what the directory raises.
        """
        if self._heard:
            return await answer
        again_s = min(_AGAIN_S * 2**self._asked, _AGAIN_AT_MOST_S)
        try:
            async with self._patience.wait():
                found = await answer
        except TimeoutError as error:
            raise DirectoryUnavailable(
                "The directory answers late.", code="no_answer", retry_after_s=again_s
            ) from error
        except Transient as error:
            if error.retry_after_s is not None:
                raise
            last = self._asked + 1 >= _TIMES
            raise DirectoryUnavailable(str(error), code=error.code, retry_after_s=None if last else again_s) from error
        self._heard = True
        return found
