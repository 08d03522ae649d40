"""Deleting rows in steps: a bounded number, and only in the version that was listed."""

from collections.abc import Iterable
from typing import Any

from shared.adapters.tables.bounded_deletion import delete_some
from tests.support.fakes.table_service import MemoryTables


class Stopped(MemoryTables):
    """A Table service in which another worker replaces rows after they were listed here, and before the deletion."""

    def __init__(self, *replaced: str) -> None:
        super().__init__()
        self.replaced = replaced

    async def transact(self, table: str, operations: Iterable[Any]) -> str:
        """Let the other worker be first, once."""
        for row in self.replaced:
            await self.delete("T", "p0", row)
            await self.insert("T", {"PartitionKey": "p0", "RowKey": row, "new": True})
        self.replaced = ()
        return await super().transact(table, operations)


async def fill(tables: MemoryTables, partitions: int, rows: int) -> None:
    """Store rows in several partitions."""
    for partition in range(partitions):
        for row in range(rows):
            await tables.insert("T", {"PartitionKey": f"p{partition}", "RowKey": f"{row:04d}"})


async def left(tables: MemoryTables) -> list[str]:
    """Return the rows that are left."""
    return [f"{row['PartitionKey']} {row['RowKey']}" async for row in tables.query("T")]


async def test_what_is_not_allowed_after_listing_is_not_deleted() -> None:
    """It is asked only if there is something to delete."""
    tables, asked = MemoryTables(), 0

    async def refused() -> bool:
        nonlocal asked
        asked += 1
        return False

    assert (await delete_some(tables, "T", 10, partition="p0", allowed=refused), asked) == (0, 0)
    await fill(tables, 1, 3)
    assert (await delete_some(tables, "T", 10, partition="p0", allowed=refused), asked) == (0, 1)
    assert len(await left(tables)) == 3


async def test_a_step_deletes_at_most_its_limit() -> None:
    """Over partitions and batches, until a step finds fewer."""
    tables = MemoryTables()
    await fill(tables, 3, 120)
    steps = [await delete_some(tables, "T", 150, partitions=("p", "q")) for _ in range(3)]
    assert steps == [150, 150, 60]
    assert await left(tables) == []
    assert await delete_some(tables, "T", 0, partition="p0") == 0


async def test_only_the_range_is_deleted_and_what_is_kept_does_not_count() -> None:
    """Other partitions and rows stay, and so does what the caller keeps."""
    tables = MemoryTables()
    await fill(tables, 2, 4)
    deleted = await delete_some(
        tables, "T", 10, partition="p0", rows=("0001", "9"), keep=lambda row: row["RowKey"] == "0002"
    )
    assert deleted == 2
    assert await left(tables) == ["p0 0000", "p0 0002", "p1 0000", "p1 0001", "p1 0002", "p1 0003"]


async def test_a_row_that_was_stored_since_stays() -> None:
    """A worker that was stopped for an hour deletes nothing that was stored under the same key since."""
    tables = Stopped("0001", "0003")
    await fill(tables, 1, 5)
    assert await delete_some(tables, "T", 10, partition="p0") == 5
    assert await left(tables) == ["p0 0001", "p0 0003"]
