"""The clock of Table Storage, read from the time that it gives a row with each write."""

from datetime import datetime

from shared.adapters.stores import keys
from shared.adapters.stores.table_names import TENANTS
from shared.adapters.tables.client import Tables
from shared.domain.schema_version import unreadable


class TableStorageClock:
    """`StorageClock` of the first storage account, in two requests."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def now(self) -> datetime:
        """Return a time between the call and its return, unless others ask at the same time; then a later one."""
        await self._tables.put(TENANTS, {"PartitionKey": keys.CLOCK, "RowKey": keys.CLOCK})
        row = await self._tables.get(TENANTS, keys.CLOCK, keys.CLOCK)
        timestamp = row.metadata["timestamp"]  # type: ignore[attr-defined] # of the SDK's entity
        if timestamp is None:
            raise unreadable("The time of storage")
        return datetime.fromisoformat(timestamp)
