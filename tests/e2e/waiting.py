"""Waiting for what a queue or timer will do, with a deadline."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T]], *, timeout_s: float = 30) -> T:
    """Return what `look` finds once that is not empty. Raises: TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while True:
            if found := await look():
                return found
            await asyncio.sleep(0.2)
