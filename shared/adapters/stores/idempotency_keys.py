"""Idempotency records: one row per key, in the tenant's partition."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from shared.adapters.stores.table_names import IDEMPOTENCY_KEYS
from shared.adapters.stores.unreadable_rows import readable
from shared.adapters.tables.bounded_deletion import delete_some
from shared.adapters.tables.client import Tables
from shared.adapters.tables.packing import pack, unpack
from shared.domain.access.idempotency import IdempotencyRecord
from shared.domain.ids import TenantId
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict
from shared.ports.tenant_data import ALL_ROWS


class TableIdempotencyStore:
    """`IdempotencyStore` on the table IdempotencyKeys. Row keys are hashes."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def find(self, tenant: TenantId, name: str) -> Versioned[IdempotencyRecord | None]:
        """Return the record of a key; None with ETag None if the key is unused."""
        row = await self._tables.find(IDEMPOTENCY_KEYS, tenant, name)
        return Versioned(None, None) if row is None else Versioned(unpack(row, IdempotencyRecord), _etag(row))

    async def replace(self, tenant: TenantId, name: str, record: IdempotencyRecord, etag: str | None) -> str:
        """Store the record of a key and return its new ETag. Raises ETagConflict if it changed since it was read."""
        row = {"PartitionKey": tenant, "RowKey": name, "at": record.at.isoformat(), **pack(record)}
        return await self._tables.replace(IDEMPOTENCY_KEYS, row, etag)

    async def delete(self, tenant: TenantId, name: str, etag: str) -> None:
        """Delete a record unless it changed since it was read."""
        with suppress(ETagConflict):
            await self._tables.delete(IDEMPOTENCY_KEYS, tenant, name, etag)

    async def purge(self, before: datetime) -> None:
        """Delete the records of all keys first used before this time."""
        rows = self._tables.query(IDEMPOTENCY_KEYS, select=["PartitionKey", "RowKey", "at"])
        async for row, at in readable(
            self._tables, IDEMPOTENCY_KEYS, rows, lambda row: (row, datetime.fromisoformat(row["at"]))
        ):
            if at < before:
                with suppress(ETagConflict):  # the key was reused since it was read
                    await self._tables.delete(IDEMPOTENCY_KEYS, row["PartitionKey"], row["RowKey"], _etag(row))

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""
        return await delete_some(self._tables, IDEMPOTENCY_KEYS, limit, partition=tenant)


def _etag(row: Any) -> str:  # noqa: ANN401 - the SDK's entity, whose metadata is untyped
    return str(row.metadata["etag"])
