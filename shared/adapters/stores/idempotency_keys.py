"""What idempotency keys were used for: one row a key, in the tenant's partition."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from shared.adapters.stores.table_names import IDEMPOTENCY_KEYS
from shared.adapters.tables.client import Tables
from shared.adapters.tables.packing import pack, unpack
from shared.domain.access.idempotency import IdempotencyRecord
from shared.domain.ids import TenantId
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict


class TableIdempotencyStore:
    """`IdempotencyStore` on the table IdempotencyKeys. Names are hashes."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def find(self, tenant: TenantId, name: str) -> Versioned[IdempotencyRecord | None]:
        """Return what a key was used for, None with ETag None if it was not used."""
        row = await self._tables.find(IDEMPOTENCY_KEYS, tenant, name)
        return Versioned(None, None) if row is None else Versioned(unpack(row, IdempotencyRecord), _etag(row))

    async def replace(self, tenant: TenantId, name: str, record: IdempotencyRecord, etag: str | None) -> str:
        """Store what a key is used for, and return the ETag. Raises: ETagConflict if it changed since it was read."""
        row = {"PartitionKey": tenant, "RowKey": name, "at": record.at.isoformat(), **pack(record)}
        return await self._tables.replace(IDEMPOTENCY_KEYS, row, etag)

    async def delete(self, tenant: TenantId, name: str, etag: str) -> None:
        """Delete a use, unless it changed since it was read."""
        with suppress(ETagConflict):
            await self._tables.delete(IDEMPOTENCY_KEYS, tenant, name, etag)

    async def purge(self, before: datetime) -> None:
        """Delete the records of keys that were used before this time."""
        async for row in self._tables.query(IDEMPOTENCY_KEYS, select=["PartitionKey", "RowKey", "at"]):
            if datetime.fromisoformat(row["at"]) < before:
                with suppress(ETagConflict):  # another request has just used it again
                    await self._tables.delete(IDEMPOTENCY_KEYS, row["PartitionKey"], row["RowKey"], _etag(row))

    async def delete_all(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""
        await self._tables.delete_rows(IDEMPOTENCY_KEYS, partition=tenant)


def _etag(row: Any) -> str:  # noqa: ANN401 - the SDK's entity, whose metadata is untyped
    return str(row.metadata["etag"])
