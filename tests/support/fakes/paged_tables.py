"""The Table service in memory, which answers queries in two pages: others may write between them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from shared.adapters.tables.client import Entity
from tests.support.fakes.table_service import MemoryTables

_KEYS = {"PartitionKey", "RowKey"}


class PagedTables(MemoryTables):
    """`MemoryTables` whose second page begins after the last row of the first, as a continuation token does."""

    async def query(self, table: str, **where: Any) -> AsyncIterator[Entity]:  # noqa: ANN401 - passed on
        """Iterate over entities in the order of their keys."""

        async def page() -> list[Entity]:
            return self._found(table, **where)

        label = f"query {table} {where.get('partition') or ''}"
        rows = await self._answered(label, page)
        cut = self._cut(len(rows)) if set(where.get("select") or _KEYS) >= _KEYS else 0
        if cut:
            for row in rows[:cut]:
                yield row
            last = _key(rows[cut - 1])
            rows = [row for row in await self._answered(f"{label}, continued", page) if _key(row) > last]
        for row in rows:
            yield row

    async def _answered(self, label: str, page: Callable[[], Awaitable[list[Entity]]]) -> list[Entity]:
        """Return the rows of a page."""
        del label
        return await page()

    def _cut(self, rows: int) -> int:
        """Return how many of these rows the first page has; 0 for all of them."""
        return rows // 2


def _key(row: Entity) -> tuple[str, str]:
    return row["PartitionKey"], row["RowKey"]
