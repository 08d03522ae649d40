"""The operator log in Table Storage."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from shared.adapters.stores import keys
from shared.adapters.stores.table_names import LEDGER
from shared.adapters.tables.client import Tables
from shared.adapters.tables.packing import pack, unpack
from shared.domain.ids import TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict

_PARTITION: Final = "ledger"


class TableOperatorLog:
    """`OperatorLog` on the table Ledger. It is always read as a whole, because it contains few entries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def record(self, entry: OperatorLogEntry) -> None:
        """Store an entry. Storing the same id again changes nothing."""
        try:
            await self._tables.insert(LEDGER, _row_of(entry))
        except ETagConflict:
            return

    async def list_by_id(self, entry: str) -> Sequence[Versioned[OperatorLogEntry]]:
        """Return the entries with this id. Usually there is at most one."""
        rows = [(unpack(row, OperatorLogEntry), row) async for row in self._tables.query(LEDGER, partition=_PARTITION)]
        return [Versioned(stored, _etag(row)) for stored, row in rows if stored.id == entry]

    async def replace(self, entry: OperatorLogEntry, etag: str | None) -> str:
        """Replace an entry and return its new ETag. Raises ETagConflict if it changed since it was read."""
        return await self._tables.replace(LEDGER, _row_of(entry), etag)

    async def delete(self, entry: OperatorLogEntry, etag: str | None) -> None:
        """Delete an entry, if it exists. Raises ETagConflict if it changed since it was read."""
        await self._tables.delete(LEDGER, _PARTITION, _key(entry), etag)

    async def list_entries(self) -> AsyncIterator[OperatorLogEntry]:
        """Iterate over the entries, newest first."""
        entries = [unpack(row, OperatorLogEntry) async for row in self._tables.query(LEDGER, partition=_PARTITION)]
        for entry in sorted(entries, key=lambda entry: (entry.at, entry.id, entry.queue), reverse=True):
            yield entry

    async def delete_all(self, tenant: TenantId) -> None:
        """Delete the entries that name the tenant."""
        rows = [row async for row in self._tables.query(LEDGER, partition=_PARTITION)]
        for row in rows:
            if unpack(row, OperatorLogEntry).names(tenant):
                await self._tables.delete(LEDGER, _PARTITION, row["RowKey"])


def _key(entry: OperatorLogEntry) -> str:
    return keys.ledger(f"{entry.queue} {entry.id}")


def _row_of(entry: OperatorLogEntry) -> dict[str, Any]:
    columns = {"queue": entry.queue, "code": entry.code, "tenant": entry.tenant or ""}
    return {"PartitionKey": _PARTITION, "RowKey": _key(entry), **columns, **pack(entry)}


def _etag(row: Any) -> str:  # noqa: ANN401 - the SDK's entity, whose metadata is untyped
    return str(row.metadata["etag"])
