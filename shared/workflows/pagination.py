"""Pages of long lists: as much as is asked for, and where the next one begins."""

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

T = TypeVar("T")
P = TypeVar("P")


async def page(found: AsyncIterator[T], limit: int, place: Callable[[T], P]) -> tuple[list[T], P | None]:
    """Return the first `limit` items, and the place of the last of them if there are more; no more are read."""
    items: list[T] = []
    async for each in found:
        if len(items) == limit:
            return items, place(items[-1])
        items.append(each)
    return items, None
