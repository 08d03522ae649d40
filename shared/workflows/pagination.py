"""Pagination: the first items of an iterator, and the position after which the next page begins."""

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

T = TypeVar("T")
P = TypeVar("P")


async def page(items: AsyncIterator[T], limit: int, position_of: Callable[[T], P]) -> tuple[list[T], P | None]:
    """Return the first `limit` items, and the position of the last one if more follow. Reads at most `limit` + 1."""
    first: list[T] = []
    async for item in items:
        if len(first) == limit:
            return first, position_of(first[-1])
        first.append(item)
    return first, None
