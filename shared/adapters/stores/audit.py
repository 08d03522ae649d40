"""The audit log: one partition per tenant, and one for what belongs to no tenant. Rows are inserted, never replaced."""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from shared.adapters.stores import keys
from shared.adapters.stores.table_names import AUDIT
from shared.adapters.stores.unreadable_rows import readable
from shared.adapters.tables.client import Entity, Tables
from shared.adapters.tables.packing import pack, unpack
from shared.adapters.tables.queries import Range
from shared.domain.ids import TenantId, newest_first
from shared.domain.operations.audit import AuditEntry, AuditOutcome, AuditPosition, Recorded, concluded
from shared.errors import ETagConflict

#: Maximum number of rows that one call of `sweep` deletes, and of partitions that it looks at.
_SWEPT_ROWS: Final = 1_000
_SWEPT_PARTITIONS: Final = 100
_KEYS: Final = ["PartitionKey", "RowKey"]
#: Statuses of answers to requests that were refused. After an error of the app, the watchdog may complete a deletion.
_REFUSED: Final = range(400, 500)


class TableAuditStore:
    """`AuditStore` on the table Audit, in the first account: the log of a tenant outlives the tenant."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def insert(self, tenant: TenantId | None, entry: AuditEntry) -> None:
        """Store an entry in the list of a tenant, or of the operator. Storing the same id again changes nothing."""
        await self._insert(tenant, entry.id, {"action": entry.action, **pack(entry)})

    async def conclude(self, tenant: TenantId | None, entry: str, outcome: AuditOutcome) -> None:
        """Store the outcome of an entry. Storing it again changes nothing."""
        await self._insert(tenant, keys.outcome(entry), pack(outcome))

    async def insert_deletion(self, tenant: TenantId, entry: str) -> None:
        """Store that this entry deletes the tenant. Storing it again changes nothing."""
        await self._insert(tenant, keys.deleting(entry), {})

    async def _insert(self, tenant: TenantId | None, row: str, columns: Mapping[str, Any]) -> None:
        with suppress(ETagConflict):  # an earlier attempt of this request has stored the row
            await self._tables.insert(AUDIT, {"PartitionKey": _partition(tenant), "RowKey": row, **columns})

    async def last_deletion(self, tenant: TenantId) -> str | None:
        """Return the newest entry that deletes the tenant and was not refused; None if there is none."""
        async for row in self._tables.query(AUDIT, partition=tenant, rows=keys.DELETING, select=_KEYS):
            entry = str(row["RowKey"]).removeprefix(keys.DELETING[0])
            end = await self._tables.find(AUDIT, tenant, keys.outcome(entry))
            if end is None or unpack(end, AuditOutcome).status not in _REFUSED:
                return entry
        return None

    async def list_entries(
        self,
        tenant: TenantId | None = None,
        *,
        after: AuditPosition | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        newer_than: str | None = None,
    ) -> AsyncIterator[Recorded]:
        """Iterate over the entries of a tenant, newest first, or over those of all lists, one list after the other."""
        first = newest_first(until) if until is not None else keys.AUDITED[0]
        last = min(newer_than or keys.AUDITED[1], f"{newest_first(since)};" if since is not None else keys.AUDITED[1])
        behind = None
        if after is not None:
            partition = tenant or after.tenant or keys.OPERATOR
            rest = (max(first, keys.after_entry(after.id)), last)
            async for recorded in self._recorded(self._tables.query(AUDIT, partition=partition, rows=rest)):
                yield recorded
            if tenant is not None:
                return
            behind = keys.tenants_behind(partition)
        rows = self._tables.query(AUDIT, partition=tenant, partitions=behind, rows=(first, last))
        async for recorded in self._recorded(rows):
            yield recorded

    async def _recorded(self, rows: AsyncIterator[Entity]) -> AsyncIterator[Recorded]:
        """Join each entry with its outcome, which is the next row. That of an entry that was skipped is left out."""
        waiting: Recorded | None = None
        async for tenant, row, value in readable(self._tables, AUDIT, rows, _value):
            if isinstance(value, AuditEntry):
                if waiting is not None:
                    yield waiting
                waiting = Recorded(tenant, value)
            elif waiting is not None and row == keys.outcome(waiting.entry.id):
                yield Recorded(tenant, concluded(waiting.entry, value))
                waiting = None
        if waiting is not None:
            yield waiting

    async def sweep(self, before: datetime, after: str = "") -> str | None:
        """Delete a bounded number of entries that are older than a time, and return where to go on; None at the end."""
        oldest = (newest_first(before), keys.AUDITED[1])
        for _ in range(_SWEPT_PARTITIONS):
            partition = await self._partition_after(after)
            if partition is None:
                return None
            if not await self._swept(partition, oldest):
                return after
            marks = (keys.deleting(oldest[0]), keys.DELETING[1])
            await self._tables.delete_rows(AUDIT, partition=partition, rows=marks)
            after = partition
        return after

    async def _partition_after(self, after: str) -> str | None:
        behind = keys.tenants_behind(after) if after else None
        async for row in self._tables.query(AUDIT, partitions=behind, select=_KEYS):
            return str(row["PartitionKey"])
        return None

    async def _swept(self, partition: str, rows: Range) -> bool:
        """Delete the first rows of a range, and return whether these were all."""
        number, end = 0, rows[1]
        async for row in self._tables.query(AUDIT, partition=partition, rows=rows, select=_KEYS):
            number += 1
            if number > _SWEPT_ROWS:
                end = row["RowKey"]
                break
        if number:
            await self._tables.delete_rows(AUDIT, partition=partition, rows=(rows[0], end))
        return number <= _SWEPT_ROWS


def _partition(tenant: TenantId | None) -> str:
    return keys.OPERATOR if tenant is None else tenant


def _value(row: Entity) -> tuple[TenantId | None, str, AuditEntry | AuditOutcome]:
    tenant = None if row["PartitionKey"] == keys.OPERATOR else TenantId(row["PartitionKey"])
    is_entry = "action" in row
    return tenant, row["RowKey"], unpack(row, AuditEntry) if is_entry else unpack(row, AuditOutcome)
