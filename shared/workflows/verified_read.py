"""Reads that need a check. Both are requested concurrently, so that a caller waits for storage once."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def verified(check: Awaitable[object], reading: Awaitable[T]) -> T:
    """Return what `reading` returns. Raises the error of `check` before any error of `reading`."""
    read = asyncio.ensure_future(reading)
    try:
        await check
    except BaseException:
        read.cancel()
        await asyncio.gather(read, return_exceptions=True)
        raise
    return await read
