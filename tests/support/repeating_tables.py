"""Clients of the Table service that send each write twice, as the SDK does after a lost answer."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.adapters.stores import Tables
from shared.adapters.stores.keys import FENCE
from tests.support.fakes.table_service import MemoryTables


class RepeatingTables(Tables):
    """`Tables` whose every write arrives, and arrives again: the second answer counts.

    Batches under a fence arrive once: their second attempt is a lost race, and `FencedWriter` finds the first one by
    what the fence says (tests/simulation/test_lost_answers.py).
    """

    async def insert(self, table: str, entity: Mapping[str, Any]) -> str:
        """Store a new entity."""
        await super().insert(table, entity)
        return await super().insert(table, entity)

    async def put(self, table: str, entity: Mapping[str, Any]) -> str:
        """Store an entity."""
        await super().put(table, entity)
        return await super().put(table, entity)

    async def delete(self, table: str, partition: str, row: str, etag: str | None = None) -> None:
        """Delete an entity."""
        await super().delete(table, partition, row, etag)
        await super().delete(table, partition, row, etag)

    async def _replace(self, table: str, entity: Mapping[str, Any], etag: str) -> str:
        await super()._replace(table, entity, etag)
        return await super()._replace(table, entity, etag)

    async def _merge(self, table: str, entity: Mapping[str, Any], etag: str) -> str:
        await super()._merge(table, entity, etag)
        return await super()._merge(table, entity, etag)

    async def transact(self, table: str, operations: Iterable[Any]) -> str:
        """Do operations on one partition."""
        listed = list(operations)
        first = listed[0][1]
        answer = await super().transact(table, listed)
        if isinstance(first, Mapping) and first["RowKey"] == FENCE:
            return answer
        return await super().transact(table, listed)


class RepeatingMemoryTables(RepeatingTables, MemoryTables):
    """The same, in memory."""
