"""Optimistic locking: the only compare-and-swap loop. It is bounded, and it waits with jitter between attempts."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from shared.domain.retry_policy import CONTENDED, ROW_UPDATE
from shared.errors import Contended, ETagConflict
from shared.telemetry import event

P = ParamSpec("P")
R = TypeVar("R")

Sleep = Callable[[float], Awaitable[None]]


def optimistic_update(attempt: Callable[P, Awaitable[R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Decorate one attempt of an update: it reads rows, decides, and replaces them under the ETags that it read.

    The attempt is repeated as long as a store finds another version (ETagConflict), and reads again each time. Every
    other error ends it, also Superseded and ChangedMeanwhile. Raises Contended after `ROW_UPDATE.attempts`.
    """

    @wraps(attempt)
    async def update(*args: P.args, **kwargs: P.kwargs) -> R:
        return await repeat(lambda: attempt(*args, **kwargs), attempt.__qualname__)

    return update


async def repeat(attempt: Callable[[], Awaitable[R]], name: str, *, sleep: Sleep = asyncio.sleep) -> R:
    """Return what `attempt` returns, as `optimistic_update` does; `name` is for the log."""
    for number in range(ROW_UPDATE.retries + 1):
        if number:
            await sleep(random.uniform(0, ROW_UPDATE.wait_s(number - 1)))  # noqa: S311 - jitter
        try:
            return await attempt()
        except ETagConflict as error:
            conflict = error
    event("contended", update=name, attempts=ROW_UPDATE.attempts)
    raise Contended(
        f"Other requests changed the same row {ROW_UPDATE.attempts} times in a row. "
        f"Try again in {CONTENDED.first_wait_s:.0f} seconds.",
        retry_after_s=CONTENDED.first_wait_s,
    ) from conflict
