"""Turns: what keeps the CPU busy is done in pieces, and the event loop serves everybody else between them.

All functions of a worker share one event loop. Twenty jobs that each work for ten milliseconds between two waits would
keep everybody else, an HTTP request or the renewal of a message's lock, from running for a fifth of a second. And jobs
of one customer with a million people would have most of the CPU while two thousand small customers want it.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final
from weakref import WeakKeyDictionary

#: How long one round of the loop may last, in seconds, before the next turn waits for another round. Whatever is done
#: in the round counts, requests and answers among it: of two dozen jobs that takes longer than their turns.
_ROUND_S: Final = 0.005
#: How many of those who wait are woken at a time: twice as many each time, as long as nobody wakes in vain.
_LEAST_WOKEN: Final = 4
_MOST_WOKEN: Final = 32
#: A job is heavy once its turns, those of its tasks included, took longer than this together, in seconds.
_HEAVY_S: Final = 0.01
#: How many times as long as a heavy job's turn took others have the loop afterwards, while they want it.
_OTHERS: Final = 15.0
#: A round of the loop that is over sooner than this, in seconds, was wanted by nobody.
_IDLE_S: Final = 0.0005
#: Who had a turn this long ago, in seconds, only waits for an answer of storage, which a heavy job's next request would
#: delay; and how long such a job rests before it looks again.
_RECENT_S: Final = 0.02
_REST_S: Final = 0.002


@dataclass(slots=True)
class _Job:
    """What a job has had."""

    #: How long its turns took together, in seconds; not counted further once it is heavy.
    spent_s: float = 0.0

    @property
    def heavy(self) -> bool:
        return self.spent_s > _HEAVY_S


_job: Final[ContextVar[_Job | None]] = ContextVar("job", default=None)


@dataclass(slots=True)
class _Turns:
    """The turns of one event loop."""

    #: When the present round of the loop began, in seconds; None while nobody wants turns.
    round_s: float | None = None
    #: Whether anybody has had a turn in it.
    used: bool = False
    #: How many were woken and do not run yet.
    woken: int = 0
    #: How many of those who ran in this round came too late for a turn.
    returned: int = 0
    #: How many are woken next time.
    wakes: int = _LEAST_WOKEN
    #: Those who wait for a round, in the order in which they asked.
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    #: When somebody who is not heavy had a turn last.
    light_at_s: float = -1.0
    #: Held by the heavy job that has a turn, and while others have the loop afterwards.
    one_heavy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def begin(self, loop: asyncio.AbstractEventLoop) -> float:
        """Return when a turn begins, in seconds of the loop: now, in a round that has time left or had no turn yet."""
        if self.waiting or self._is_over(loop):
            await self._wait(loop, len(self.waiting))
            while self._is_over(loop):
                self.returned += 1
                await self._wait(loop, self.returned - 1)
        return self._begun(loop)

    async def have_room(self, loop: asyncio.AbstractEventLoop) -> None:
        """Return as `begin` does, but before those who wait for turns."""
        while self._is_over(loop):  # noqa: ASYNC110 - there is nothing to wait for but another round
            await asyncio.sleep(0)
        self._begun(loop)

    def _begun(self, loop: asyncio.AbstractEventLoop) -> float:
        began_s = loop.time()
        if self.round_s is None:
            self.round_s = began_s
            loop.call_soon(self._next_round, loop)
        self.used = True
        return began_s

    async def _wait(self, loop: asyncio.AbstractEventLoop, place: int) -> None:
        """Return in another round, before those whose place among the waiting is later."""
        mine: asyncio.Future[None] = loop.create_future()
        self.waiting.insert(place, mine)
        try:
            await mine
        finally:
            self.woken -= not mine.cancelled()

    def _is_over(self, loop: asyncio.AbstractEventLoop) -> bool:
        return self.used and self.round_s is not None and loop.time() - self.round_s >= _ROUND_S

    def _next_round(self, loop: asyncio.AbstractEventLoop) -> None:
        self.round_s = None
        if self.used or self.waiting:
            self.round_s = loop.time()
            loop.call_soon(self._next_round, loop)
        if not self.woken:
            self.wakes = _LEAST_WOKEN if self.returned else min(_MOST_WOKEN, 2 * self.wakes)
            self._wake(self.wakes)
        self.used = False
        self.returned = 0

    def _wake(self, count: int) -> None:
        while self.waiting and self.woken < count:
            if not (first := self.waiting.popleft()).done():
                first.set_result(None)
                self.woken += 1


_known: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns]] = WeakKeyDictionary()


def _of(loop: asyncio.AbstractEventLoop) -> _Turns:
    return _known.get(loop) or _known.setdefault(loop, _Turns())


@contextmanager
def one_job() -> Iterator[None]:
    """Take the turns inside the context, those of tasks begun there included, for those of one job of a queue.

    Outside of one nobody is heavy: there persons wait, and schedules, which serve everybody.
    """
    token = _job.set(_Job())
    try:
        yield
    finally:
        _job.reset(token)


async def room() -> None:
    """Return in a round of the loop that has time left, before something small that is done by many at once."""
    loop = asyncio.get_running_loop()
    await _of(loop).have_room(loop)


class cpu_slice:  # noqa: N801 - an async context manager that is no generator: there are thousands in a run
    """Let nobody else of this event loop have a turn inside the context, which must not wait for anything.

    A piece is to take no more than some 10 ms. All that is done in one round of the loop takes little more. A job
    (`one_job`) that had much of it is heavy: of these one has a turn at a time, in the order in which they ask, and
    after it everybody else has the loop for up to `_OTHERS` times as long. Whoever is not heavy need not wait for that.
    """

    __slots__ = ("_began_s", "_heavy", "_job", "_loop", "_turns")

    async def __aenter__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._turns = _of(self._loop)
        self._job = _job.get()
        self._heavy = self._job is not None and self._job.heavy
        if self._heavy:
            await self._turns.one_heavy.acquire()
        try:
            self._began_s = await self._turns.begin(self._loop)
        except BaseException:
            if self._heavy:
                self._turns.one_heavy.release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        now_s = self._loop.time()
        took_s = now_s - self._began_s
        if self._heavy:
            try:
                if kind is None:
                    await _give_way(self._loop, self._turns, _OTHERS * took_s)
            finally:
                self._turns.one_heavy.release()
            return
        if self._job is not None:
            self._job.spent_s += took_s
        if self._job is None or not self._job.heavy:
            self._turns.light_at_s = now_s


async def _give_way(loop: asyncio.AbstractEventLoop, turns: _Turns, at_most_s: float) -> None:
    """Let the loop serve others: one round in any case, and more while these use it or are about to."""
    began_s = before_s = loop.time()
    while True:
        await asyncio.sleep(0)
        now_s = loop.time()
        if now_s - began_s >= at_most_s:
            return
        if now_s - before_s < _IDLE_S:
            if now_s - turns.light_at_s > _RECENT_S:
                return
            await asyncio.sleep(_REST_S)
        before_s = loop.time()
