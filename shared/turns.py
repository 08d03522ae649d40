"""Turns: what keeps the CPU busy is done in pieces, one of one job at a time, and the event loop serves all between.

All functions of a worker share one event loop. Twenty jobs that each work for ten milliseconds between two waits would
keep everybody else, an HTTP request or the renewal of a message's lock, from running for a fifth of a second.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final
from weakref import WeakKeyDictionary

_locks: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]] = WeakKeyDictionary()


@asynccontextmanager
async def turn() -> AsyncIterator[None]:
    """Let nobody else of this event loop have a turn inside the context, which must not wait for anything.

    A piece is to take no more than some 10 ms. Turns are given in the order in which they are asked for.
    """
    loop = asyncio.get_running_loop()
    if loop not in _locks:
        _locks[loop] = asyncio.Lock()
    async with _locks[loop]:
        yield
        # before the next turn begins, whoever waits for the loop has it
        await asyncio.sleep(0)


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
