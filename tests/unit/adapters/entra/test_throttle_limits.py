"""Many requests against limits that are counted in other ways: none is to be left unused, nor run into often.

Microsoft Graph does not say how it counts. Seconds here are those of a virtual clock, the same on any machine.
"""

import asyncio
import math
import random
from collections.abc import Callable
from typing import Protocol

import pytest

from shared.adapters.entra.throttle import AdaptiveThrottle
from tests.unit.adapters.entra.virtual_time import now_s, run, share

LIMIT, COST, SLOTS = 3_500, 4, 8
REQUESTS = 4 * LIMIT // COST + 1
LATENCY_S, CPU_S = 0.04, 0.004


class Counting(Protocol):
    """How units are counted."""

    def spend(self) -> tuple[float, int | None]:
        """Take the units of one request; return the used share, and for how long to wait if they are refused."""


class Window:
    """In windows of ten seconds, each of which begins with its first request; as the simulator does."""

    least_s = 40.0

    def __init__(self) -> None:
        self.began_s, self.used = -10.0, 0

    def spend(self) -> tuple[float, int | None]:
        """Refuse until the window ends."""
        if now_s() - self.began_s >= 10:
            self.began_s, self.used = now_s(), 0
        if self.used + COST > LIMIT:
            return (self.used + COST) / LIMIT, math.ceil(self.began_s + 10 - now_s())
        self.used += COST
        return self.used / LIMIT, None


class Bucket:
    """In a bucket that leaks evenly, and is empty at first."""

    least_s = 30.0

    def __init__(self) -> None:
        self.seen_s, self.used = 0.0, 0.0

    def spend(self) -> tuple[float, int | None]:
        """Refuse until there is room again."""
        self.used = max(0.0, self.used - (now_s() - self.seen_s) * LIMIT / 10)
        self.seen_s = now_s()
        if self.used + COST > LIMIT:
            return (self.used + COST) / LIMIT, 1
        self.used += COST
        return self.used / LIMIT, None


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("counting", [Window, Bucket])
def test_limits(counting: Callable[[], Window | Bucket], workers: int) -> None:
    """At most a tenth more than the limit itself takes, and less than 1 % of the requests refused."""
    taken_s, refused, least_s = run(_spend_all(counting(), workers))
    assert taken_s <= 1.1 * least_s
    assert refused < 0.01 * REQUESTS


async def _spend_all(counting: Window | Bucket, workers: int) -> tuple[float, int, float]:
    chance, left, refused = random.Random(7), iter(range(REQUESTS)), 0

    async def send(throttle: AdaptiveThrottle, core: asyncio.Lock) -> bool:
        async with throttle.acquire() as sent_s:
            async with core:
                await asyncio.sleep(CPU_S)
            await asyncio.sleep(LATENCY_S * chance.uniform(0.4, 0.6))
            used, wait_s = counting.spend()
            await asyncio.sleep(LATENCY_S * chance.uniform(0.4, 0.6))
            headers = dict(share(used)) if wait_s is None else {"retry-after": str(wait_s)}
            throttle.record_response(200 if wait_s is None else 429, headers, sent_s=sent_s)
        return wait_s is None

    async def work(throttle: AdaptiveThrottle, core: asyncio.Lock) -> None:
        nonlocal refused
        for _ in left:
            while not await send(throttle, core):
                refused += 1

    throttles = [(AdaptiveThrottle(SLOTS, draw=chance.random), asyncio.Lock()) for _ in range(workers)]
    await asyncio.gather(*(work(*throttle) for throttle in throttles for _ in range(SLOTS)))
    return now_s(), refused, counting.least_s
