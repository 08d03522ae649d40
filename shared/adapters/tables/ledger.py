"""The operator's list of what went wrong."""

from collections.abc import AsyncIterator
from typing import Final

from shared.adapters.tables import keys
from shared.adapters.tables.client import Tables
from shared.adapters.tables.names import LEDGER
from shared.adapters.tables.packing import pack, unpack
from shared.domain.ids import TenantId
from shared.errors import Conflict
from shared.ports import LedgerEntry

_PARTITION: Final = "ledger"


class TableLedger:
    """`Ledger` on the table Ledger. It is read as a whole: it holds what a person has to look at."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def record(self, entry: LedgerEntry) -> None:
        """Store an entry; the same id stored again changes nothing."""
        row = {
            "PartitionKey": _PARTITION,
            "RowKey": keys.ledger(f"{entry.queue} {entry.id}"),
            "queue": entry.queue,
            "code": entry.code,
            "tenant": entry.tenant or "",
            **pack(entry),
        }
        try:
            await self._tables.insert(LEDGER, row)
        except Conflict:
            return

    async def entries(self) -> AsyncIterator[LedgerEntry]:
        """Iterate over the entries, newest first."""
        found = [unpack(row, LedgerEntry) async for row in self._tables.query(LEDGER, partition=_PARTITION)]
        for entry in sorted(found, key=lambda each: (each.at, each.id, each.queue), reverse=True):
            yield entry

    async def erase(self, tenant: TenantId) -> None:
        """Delete the entries that name the tenant."""
        rows = [row async for row in self._tables.query(LEDGER, partition=_PARTITION)]
        for row in [each for each in rows if unpack(each, LedgerEntry).names(tenant)]:
            await self._tables.delete(LEDGER, _PARTITION, row["RowKey"])
