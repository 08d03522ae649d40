"""The operator log in Table Storage."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from shared.adapters.stores.ledger_rows import PARTITION, key_of, row_of
from shared.adapters.stores.table_names import LEDGER
from shared.adapters.stores.unreadable_rows import readable
from shared.adapters.tables.client import Entity, Tables
from shared.adapters.tables.packing import unpack
from shared.domain.ids import TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict
from shared.ports.tenant_data import ALL_ROWS


class TableOperatorLog:
    """`OperatorLog` on the table Ledger. It is always read as a whole, because it contains few entries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def record(self, entry: OperatorLogEntry) -> None:
        """Store an entry. Storing the same id again changes nothing."""
        try:
            await self._tables.insert(LEDGER, row_of(entry))
        except ETagConflict:
            return

    async def list_by_id(self, entry: str) -> Sequence[Versioned[OperatorLogEntry]]:
        """Return the entries with this id. Usually there is at most one."""
        return [Versioned(stored, _etag(row)) async for stored, row in self._entries() if stored.id == entry]

    async def _entries(self) -> AsyncIterator[tuple[OperatorLogEntry, Entity]]:
        rows = self._tables.query(LEDGER, partition=PARTITION)
        async for entry in readable(self._tables, LEDGER, rows, lambda row: (unpack(row, OperatorLogEntry), row)):
            yield entry

    async def replace(self, entry: OperatorLogEntry, etag: str | None) -> str:
        """Replace an entry and return its new ETag. Raises ETagConflict if it changed since it was read."""
        return await self._tables.replace(LEDGER, row_of(entry), etag)

    async def delete(self, entry: OperatorLogEntry, etag: str | None) -> None:
        """Delete an entry, if it exists. Raises ETagConflict if it changed since it was read."""
        await self._tables.delete(LEDGER, PARTITION, key_of(entry), etag)

    async def list_entries(self) -> AsyncIterator[OperatorLogEntry]:
        """Iterate over the entries, newest first."""
        entries = [entry async for entry, _ in self._entries()]
        for entry in sorted(entries, key=lambda entry: (entry.at, entry.id, entry.queue), reverse=True):
            yield entry

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete the entries that name the tenant. As `TenantData.delete_all`."""
        named = [row["RowKey"] async for entry, row in self._entries() if entry.names(tenant)]
        columns = ["PartitionKey", "RowKey", "tenant"]
        rows = self._tables.query(LEDGER, partition=PARTITION, select=columns)
        named += [row["RowKey"] async for row in rows if row.get("tenant") == tenant]  # also what cannot be read
        names = list(dict.fromkeys(named))[:limit]
        for name in names:
            await self._tables.delete(LEDGER, PARTITION, name)
        return len(names)


def _etag(row: Any) -> str:  # noqa: ANN401 - the SDK's entity, whose metadata is untyped
    return str(row.metadata["etag"])
