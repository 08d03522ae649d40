"""Deleting many rows while another process deletes the same ones."""

from collections.abc import Iterable
from typing import Any

from shared.adapters.tables.client import Entity
from tests.support.fakes.table_service import MemoryTables

ROWS = 250


class Contested(MemoryTables):
    """A Table service in which another process deletes some rows before the first batches are deleted here."""

    def __init__(self, races: int) -> None:
        super().__init__()
        self.races = races
        self.calls: list[str] = []

    async def transact(self, table: str, operations: Iterable[Any]) -> str:
        """Let the other process be first."""
        listed = list(operations)
        self.calls.append("transact")
        if self.races:
            self.races -= 1
            await super().delete(table, "p", listed[0][1]["RowKey"])
        return await super().transact(table, listed)

    async def delete(self, table: str, partition: str, row: str, etag: str | None = None) -> None:
        """Count."""
        self.calls.append("delete")
        await super().delete(table, partition, row, etag)


async def stored(tables: MemoryTables) -> list[Entity]:
    """Return the rows that are left."""
    return [row async for row in tables.query("T", partition="p")]


async def deleted(races: int) -> list[str]:
    """Delete all rows, and return the calls."""
    tables = Contested(races)
    for number in range(ROWS):
        await tables.insert("T", {"PartitionKey": "p", "RowKey": f"{number:04d}"})
    await tables.delete_rows("T", partition="p")
    assert await stored(tables) == []
    return tables.calls


async def test_rows_are_deleted_in_batches() -> None:
    """Of 100."""
    assert await deleted(0) == ["transact"] * 3


async def test_rows_that_another_process_deletes_are_skipped() -> None:
    """What is left of a batch is deleted in a batch again, not one by one."""
    assert await deleted(1) == ["transact"] * 4


async def test_of_a_batch_that_is_contested_again_and_again_the_rows_are_deleted_one_by_one() -> None:
    """After three attempts, so that it ends."""
    calls = await deleted(3)
    assert calls.count("transact") == 5
    assert calls.count("delete") == 97
