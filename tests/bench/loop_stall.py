"""Event loop stalls: how long one job blocks a worker's other functions, which share its event loop."""

import asyncio
from collections.abc import Coroutine
from statistics import median
from time import perf_counter
from typing import Final

from shared.domain.run import RunMode
from tests.bench.crowd import Crowd
from tests.bench.product import CONCURRENT, product
from tests.bench.results import ROUNDS, Result

_USERS: Final = 10_000
_BEAT_S: Final = 0.001
_GOAL_MS: Final = 25


async def measure() -> Result:
    """Return the longest time between two turns of the loop, in ms, while a worker is fully loaded."""
    crowd = Crowd(_USERS)
    crowd.prepare()  # elsewhere a directory is not made up by the worker that reads it
    async with product() as found:
        await found.onboard(crowd, CONCURRENT)
        first_s = await _longest(found.sync())
        again_s = [await _longest(found.sync(RunMode.FULL)) for _ in range(ROUNDS)]
    return Result(
        key="loop_stall_ms",
        value=1_000 * max(first_s, median(again_s)),
        goal=_GOAL_MS,
        measured={
            "first_sync_ms": 1_000 * first_s,
            "comparing_ms": [1_000 * each for each in again_s],
            "jobs": CONCURRENT,
            "users": _USERS,
        },
    )


async def _longest(work: Coroutine[object, None, object]) -> float:
    """Return the longest delay of a periodic task during the work, in seconds."""
    task = asyncio.ensure_future(work)
    longest, last = 0.0, perf_counter()
    while not task.done():
        await asyncio.sleep(_BEAT_S)
        now = perf_counter()
        longest, last = max(longest, now - last - _BEAT_S), now
    await task
    return longest
