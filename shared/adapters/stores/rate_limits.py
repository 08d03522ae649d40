"""State of the rate limits: one row per key, in a partition of its own."""

from contextlib import suppress
from datetime import datetime

from shared.adapters.stores import keys
from shared.adapters.stores.table_names import LIMITS
from shared.adapters.stores.unreadable_rows import readable
from shared.adapters.tables.client import Tables
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict

_ROW = "used"


class TableLimitStore:
    """`LimitStore` on the table Limits. Keys are hashed, because they contain ids of callers and of Azure tenants."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def find(self, key: str) -> Versioned[datetime | None]:
        """Return the GCRA state of a key; None with ETag None if the key was never used."""
        row = await self._tables.find(LIMITS, keys.limit(key), _ROW)
        if row is None:
            return Versioned(None, None)
        return Versioned(datetime.fromisoformat(row["until"]), str(row.metadata["etag"]))  # type: ignore[attr-defined]

    async def replace(self, key: str, used_until: datetime, etag: str | None) -> None:
        """Store the GCRA state of a key. Raises ETagConflict if it changed since it was read."""
        row = {"PartitionKey": keys.limit(key), "RowKey": _ROW, "until": used_until.isoformat()}
        await self._tables.replace(LIMITS, row, etag)

    async def purge(self, before: datetime) -> None:
        """Delete the rows whose state is before this time, which no longer limit anything."""
        rows = self._tables.query(LIMITS, row=_ROW)
        async for row, until in readable(
            self._tables, LIMITS, rows, lambda row: (row, datetime.fromisoformat(row["until"]))
        ):
            if until < before:
                with suppress(ETagConflict):  # another request has used the key since it was read
                    await self._tables.delete(LIMITS, row["PartitionKey"], _ROW, str(row.metadata["etag"]))  # type: ignore[attr-defined]
