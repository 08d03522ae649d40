"""How much of each rate limit is used: one row a key, in a partition of its own."""

from contextlib import suppress
from datetime import datetime

from shared.adapters.stores import keys
from shared.adapters.stores.table_names import LIMITS
from shared.adapters.tables.client import Tables
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict

_ROW = "used"


class TableLimitStore:
    """`LimitStore` on the table Limits. Keys are hashed: they hold ids of callers and of Azure tenants."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def find(self, key: str) -> Versioned[datetime | None]:
        """Return until when a key's allowance is used; None with ETag None if it never was."""
        row = await self._tables.find(LIMITS, keys.limit(key), _ROW)
        if row is None:
            return Versioned(None, None)
        return Versioned(datetime.fromisoformat(row["until"]), str(row.metadata["etag"]))  # type: ignore[attr-defined]

    async def replace(self, key: str, used_until: datetime, etag: str | None) -> None:
        """Store until when it is used. Raises: ETagConflict if it changed since it was read."""
        row = {"PartitionKey": keys.limit(key), "RowKey": _ROW, "until": used_until.isoformat()}
        await self._tables.replace(LIMITS, row, etag)

    async def purge(self, before: datetime) -> None:
        """Delete the rows whose allowance was used until before this time."""
        async for row in self._tables.query(LIMITS, row=_ROW):
            if datetime.fromisoformat(row["until"]) < before:
                with suppress(ETagConflict):  # another request has just used it
                    await self._tables.delete(LIMITS, row["PartitionKey"], _ROW, str(row.metadata["etag"]))  # type: ignore[attr-defined]
