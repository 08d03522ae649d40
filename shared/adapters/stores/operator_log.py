"""The operator log in Table Storage."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from shared.adapters.stores import keys
from shared.adapters.stores.ledger_rows import IDS, PARTITION, key_of, record, row_of, time_of
from shared.adapters.stores.table_names import LEDGER
from shared.adapters.stores.unreadable_rows import readable
from shared.adapters.tables.client import Entity, Tables
from shared.adapters.tables.packing import unpack
from shared.adapters.tables.queries import Range
from shared.domain.ids import TenantId
from shared.domain.operations.operator_log import EVENTS, EntryPosition, OperatorLogEntry
from shared.domain.versioned import Versioned
from shared.ports.tenant_data import ALL_ROWS

_COLUMNS: Final = ["PartitionKey", "RowKey", "queue", "tenant"]


class TableOperatorLog:
    """`OperatorLog` on the table Ledger."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def record(self, entry: OperatorLogEntry) -> None:
        """Store an entry. Storing the same id again changes nothing."""
        await record(self._tables, entry)

    async def list_by_id(self, entry: str) -> Sequence[Versioned[OperatorLogEntry]]:
        """Return the entries with this id. Usually there is at most one."""
        await self._move_earlier()
        found = []
        async for row in self._tables.query(LEDGER, partition=IDS, rows=keys.logged_ids(entry)):
            stored = await self._tables.find(LEDGER, PARTITION, keys.logged(time_of(row), row["RowKey"]))
            if stored is not None:
                found.append(Versioned(unpack(stored, OperatorLogEntry), _etag(stored)))
        return found

    async def replace(self, entry: OperatorLogEntry, etag: str | None) -> str:
        """Replace an entry and return its new ETag. Raises ETagConflict if it changed since it was read."""
        return await self._tables.replace(LEDGER, row_of(entry), etag)

    async def delete(self, entry: OperatorLogEntry, etag: str | None) -> None:
        """Delete an entry, if it exists. Raises ETagConflict if it changed since it was read."""
        await self._tables.delete(LEDGER, PARTITION, key_of(entry), etag)
        await self._tables.delete(LEDGER, IDS, keys.logged_id(entry.id, entry.queue))

    async def list_entries(
        self, after: EntryPosition | None = None, queue: str | None = None
    ) -> AsyncIterator[OperatorLogEntry]:
        """Iterate over the entries, newest first, from a position; only those of one queue if it is given.

        Only the pages of rows that are used are read.
        """
        await self._move_earlier()
        rows = keys.LOGGED
        if after is not None:
            rows = f"{keys.logged(after.at, keys.logged_id(after.id, after.queue))}!", keys.LOGGED[1]
        async for entry, _ in self._entries(rows, None if queue is None else f"queue eq '{queue}'"):
            yield entry

    async def count_dead_letters(self) -> Mapping[TenantId, int]:
        """Return the number of dead letters by tenant, without reading the entries."""
        rows = self._tables.query(LEDGER, partition=PARTITION, select=_COLUMNS)  # also those of earlier versions
        return Counter([TenantId(row["tenant"]) async for row in rows if row["queue"] not in EVENTS and row["tenant"]])

    async def purge(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` entries older than this time, and return their number."""
        rows = keys.logged_before(before)
        return await self._delete([row async for row in self._keys(rows, limit)])

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete the entries that name the tenant. As `TenantData.delete_all`."""
        await self._move_earlier()
        named = [key_of(entry) async for entry, _ in self._entries(keys.LOGGED) if entry.names(tenant)]
        rows = self._tables.query(LEDGER, partition=PARTITION, select=_COLUMNS)
        named += [row["RowKey"] async for row in rows if row.get("tenant") == tenant]  # also what cannot be read
        return await self._delete(list(dict.fromkeys(named))[:limit])

    async def _entries(self, rows: Range, where: str | None = None) -> AsyncIterator[tuple[OperatorLogEntry, Entity]]:
        stored = self._tables.query(LEDGER, partition=PARTITION, rows=rows, where=where)
        async for entry in readable(self._tables, LEDGER, stored, lambda row: (unpack(row, OperatorLogEntry), row)):
            yield entry

    async def _keys(self, rows: Range, limit: int) -> AsyncIterator[str]:
        number = 0
        async for row in self._tables.query(LEDGER, partition=PARTITION, rows=rows, select=_COLUMNS):
            if number == limit:
                return
            number += 1
            yield row["RowKey"]

    async def _delete(self, rows: Sequence[str]) -> int:
        """Delete entries, and first the rows of their ids, so that no such row is left without an entry."""
        for row in rows:
            await self._tables.delete(LEDGER, IDS, keys.logged_id_of(row))
            await self._tables.delete(LEDGER, PARTITION, row)
        return len(rows)

    async def _move_earlier(self) -> None:
        """Store the entries of earlier versions of the app, whose keys do not sort by time, under keys that do."""
        async for entry, row in self._entries(keys.LOGGED_EARLIER):
            await record(self._tables, entry)
            await self._tables.delete(LEDGER, PARTITION, row["RowKey"])


def _etag(row: Any) -> str:  # noqa: ANN401 - the SDK's entity, whose metadata is untyped
    return str(row.metadata["etag"])
