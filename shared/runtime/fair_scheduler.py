"""Cooperative scheduler: CPU-bound work is split into short slices, so that other coroutines can run in between.

All functions of a worker share one event loop. A job that computes for long must not delay an HTTP request, or the
responses that other jobs wait for.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

#: Time for which slices may run in one round of the event loop before all other coroutines run, in seconds.
_ROUND_S: Final = 0.005


@dataclass(slots=True)
class _Slices:
    """The slices of one event loop."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: When the first slice of this round of the loop began, in seconds. None before it.
    began_s: float | None = None

    def next_round(self) -> None:
        self.began_s = None


_slices: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Slices]] = WeakKeyDictionary()


class cpu_slice:  # noqa: N801 - an async context manager that is not a generator: there are thousands in a run
    """Compute inside the context, which must not await anything and should take at most 5 ms.

    Slices of one event loop are admitted one at a time, first in, first out. Once 5 ms have passed in a round of the
    loop, the slice that ends lets all other coroutines run before the next one is admitted.
    """

    __slots__ = ("_loop", "_mine")

    async def __aenter__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._mine = _slices.get(self._loop) or _slices.setdefault(self._loop, _Slices())
        await self._mine.lock.acquire()
        if self._mine.began_s is None:
            self._mine.began_s = self._loop.time()
            self._loop.call_soon(self._mine.next_round)

    async def __aexit__(self, *error: object) -> None:
        try:
            if self._mine.began_s is not None and self._loop.time() - self._mine.began_s >= _ROUND_S:
                await asyncio.sleep(0)
        finally:
            self._mine.lock.release()


async def paced(items: Iterable[T]) -> AsyncIterator[T]:
    """Iterate over items, each of which the caller processes in less than 5 ms.

    Other coroutines run between two items once 5 ms have passed since they last did. What the caller does with an item
    depends on its content, such as the number of changes in a row, so a number of items would not bound it.
    """
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for item in items:
        yield item
        if loop.time() - began_s >= _ROUND_S:
            await asyncio.sleep(0)
            began_s = loop.time()
