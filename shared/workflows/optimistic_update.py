"""Optimistic locking: the only compare-and-swap loop. It is bounded, and it waits with jitter between attempts."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from shared.errors import Contended, ETagConflict
from shared.telemetry import event

P = ParamSpec("P")
R = TypeVar("R")

#: How often an update is attempted: enough for eight workers that write one row at the same time.
MAX_ATTEMPTS: Final = 8
#: Upper bound of the first wait, in seconds; a write to Table Storage takes about 10 ms.
FIRST_WAIT_S: Final = 0.02
#: Upper bound of every later wait, in seconds. Bounds double from wait to wait until then.
MAX_WAIT_S: Final = 0.5
#: How long the message is invisible, or an API client is asked to wait, when all attempts met a conflict, in seconds.
CONTENDED_AFTER_S: Final = 5.0

Sleep = Callable[[float], Awaitable[None]]


def optimistic_update(attempt: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Decorate one attempt of an update: it reads rows, decides, and replaces them under the ETags that it read.

    The attempt is repeated as long as a store finds another version (ETagConflict), and reads again each time. Every
    other error ends it, also Superseded and ChangedMeanwhile. Raises Contended after `MAX_ATTEMPTS`.
    """

    @wraps(attempt)
    async def update(*args: P.args, **kwargs: P.kwargs) -> R:
        return await repeat(lambda: attempt(*args, **kwargs), attempt.__qualname__)

    return update


async def repeat(attempt: Callable[[], Awaitable[R]], name: str, *, sleep: Sleep = asyncio.sleep) -> R:
    """Return what `attempt` returns, as `optimistic_update` does; `name` is for the log."""
    for number in range(MAX_ATTEMPTS):
        if number:
            await sleep(random.uniform(0, min(MAX_WAIT_S, FIRST_WAIT_S * 2 ** (number - 1))))  # noqa: S311 - jitter
        try:
            return await attempt()
        except ETagConflict as error:
            conflict = error
    event("contended", update=name, attempts=MAX_ATTEMPTS)
    raise Contended(
        f"Other requests changed the same row {MAX_ATTEMPTS} times in a row; try again in {CONTENDED_AFTER_S:.0f} s.",
        retry_after_s=CONTENDED_AFTER_S,
    ) from conflict
