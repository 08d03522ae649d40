"""Clients of the Table service that send each write of a row twice, as the SDK does after a lost answer."""

from collections.abc import Mapping
from typing import Any

from shared.adapters.stores import Tables
from tests.support.fakes.table_service import MemoryTables


class RepeatingTables(Tables):
    """`Tables` whose every write of one row arrives, and arrives again: the second answer counts."""

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


class RepeatingMemoryTables(RepeatingTables, MemoryTables):
    """The same, in memory."""
