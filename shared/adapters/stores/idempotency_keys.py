"""What idempotency keys were used for: one row a key, in the tenant's partition."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from shared.adapters.stores.table_names import USES
from shared.adapters.tables.client import Tables
from shared.adapters.tables.packing import pack, unpack
from shared.domain.access.idempotency import Use
from shared.domain.ids import TenantId
from shared.domain.versioned import Versioned
from shared.errors import Conflict


class TableUseStore:
    """`UseStore` on the table Uses. Names are hashes."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def find(self, tenant: TenantId, name: str) -> Versioned[Use | None]:
        """Return what a key was used for, None with ETag None if it was not."""
        row = await self._tables.find(USES, tenant, name)
        return Versioned(None, None) if row is None else Versioned(unpack(row, Use), _etag(row))

    async def swap(self, tenant: TenantId, name: str, use: Use, etag: str | None) -> str:
        """Store what a key is used for, and return the ETag. Raises: Conflict if it changed since it was read."""
        row = {"PartitionKey": tenant, "RowKey": name, "at": use.at.isoformat(), **pack(use)}
        return await self._tables.swap(USES, row, etag)

    async def forget(self, tenant: TenantId, name: str, etag: str) -> None:
        """Delete a use, unless it changed since it was read."""
        with suppress(Conflict):
            await self._tables.delete(USES, tenant, name, etag)

    async def sweep(self, before: datetime) -> None:
        """Delete what was used before a moment."""
        async for row in self._tables.query(USES, select=["PartitionKey", "RowKey", "at"]):
            if datetime.fromisoformat(row["at"]) < before:
                with suppress(Conflict):  # somebody has just used it anew
                    await self._tables.delete(USES, row["PartitionKey"], row["RowKey"], _etag(row))

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""
        await self._tables.erase(USES, partition=tenant)


def _etag(row: Any) -> str:  # noqa: ANN401 - the SDK's entity, whose metadata is untyped
    return str(row.metadata["etag"])
