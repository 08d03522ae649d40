"""Turns: what keeps the CPU busy is done in pieces, and the event loop serves everybody else between them.

All functions of a worker share one event loop. Twenty jobs that each work for ten milliseconds between two waits would
keep everybody else, an HTTP request or the renewal of a message's lock, from running for a fifth of a second. And jobs
of one customer with a million people would have most of the CPU while two thousand small customers want it.
"""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final
from weakref import WeakKeyDictionary

#: How much of one round of the loop turns may take, in seconds, before the next one waits for another round.
_ROUND_S: Final = 0.005
#: A job is heavy from its first turn that takes longer than this, in seconds, until its end.
_HEAVY_S: Final = 0.002
#: How many times as long as a heavy job's turn took others have the loop afterwards, while they want it.
_OTHERS: Final = 15.0
#: A round of the loop that is over sooner than this, in seconds, was wanted by nobody.
_IDLE_S: Final = 0.0005
#: Who had a turn this long ago, in seconds, only waits for an answer of storage, which a heavy job's next request would
#: delay; and how long such a job rests before it looks again.
_RECENT_S: Final = 0.02
_REST_S: Final = 0.002

_heavy: Final[ContextVar[bool]] = ContextVar("heavy", default=False)


@dataclass(slots=True)
class _Turns:
    """The turns of one event loop."""

    #: What turns have taken of the present round of the loop, in seconds.
    taken_s: float = 0.0
    #: When somebody who is not heavy had a turn last.
    light_at_s: float = -1.0
    #: Held by the heavy job that has a turn, and while others have the loop afterwards.
    one_heavy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def begin(self, loop: asyncio.AbstractEventLoop) -> float:
        """Return when a turn may begin, in seconds of the loop: at once, in a round that has time left."""
        while self.taken_s >= _ROUND_S:  # noqa: ASYNC110 - there is nothing to wait for but another round
            await asyncio.sleep(0)
        return loop.time()

    def took(self, loop: asyncio.AbstractEventLoop, turn_s: float) -> None:
        """Note how long a turn was."""
        if not self.taken_s:
            loop.call_soon(self._next_round)
        self.taken_s += turn_s

    def _next_round(self) -> None:
        self.taken_s = 0.0


_known: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns]] = WeakKeyDictionary()


class turn:  # noqa: N801 - an async context manager that is no generator: there are thousands in a run
    """Let nobody else of this event loop have a turn inside the context, which must not wait for anything.

    A piece is to take no more than some 10 ms. All pieces of one round of the loop together take little more. A job
    with large pieces is heavy: of these one has a turn at a time, in the order in which they ask, and after it
    everybody else has the loop for up to `_OTHERS` times as long. Jobs that are not heavy need not wait for that.
    """

    __slots__ = ("_began_s", "_heavy", "_loop", "_turns")

    async def __aenter__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._turns = _known.get(self._loop) or _known.setdefault(self._loop, _Turns())
        self._heavy = _heavy.get()
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
        took_s = self._loop.time() - self._began_s
        self._turns.took(self._loop, took_s)
        if self._heavy:
            try:
                if kind is None:
                    await _give_way(self._loop, self._turns, _OTHERS * took_s)
            finally:
                self._turns.one_heavy.release()
        elif took_s > _HEAVY_S:
            _heavy.set(True)
        else:
            self._turns.light_at_s = self._loop.time()


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


@contextmanager
def loading() -> Iterator[None]:
    """Spare the garbage collector what is loaded inside the context: modules and clients, which stay anyway.

    Looking through them takes it 40 ms each time, during which nobody has a turn, and it would do so several times
    while the SDKs are imported. Garbage in cycles that is there at the end stays as well.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()
