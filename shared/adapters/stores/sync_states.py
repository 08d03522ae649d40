"""Tenant states, for which runs compete."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from shared.adapters.stores import keys
from shared.adapters.stores.table_names import TENANTS
from shared.adapters.stores.tenant_rows import TenantRows, etag_of
from shared.adapters.stores.tenant_summaries import SUMMARY, read, shown
from shared.adapters.stores.unreadable_rows import readable
from shared.adapters.tables.client import Tables
from shared.adapters.tables.packing import pack, unpack
from shared.domain.ids import RunId, TenantId
from shared.domain.pause import PauseOfAll
from shared.domain.run import Summary, TenantState
from shared.domain.versioned import Versioned


class TableSyncStateStore:
    """`SyncStateStore` on the table Tenants."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._rows = TenantRows(tables)

    async def get(self, tenant: TenantId) -> Versioned[TenantState]:
        """Return the tenant's state; a new one with ETag None if it was never stored."""
        return await self._rows.get(tenant, "state", TenantState)

    async def replace(self, tenant: TenantId, state: TenantState, etag: str | None) -> str:
        """Store the state and return its new ETag. Raises ETagConflict if it changed since it was read."""
        row = {"PartitionKey": tenant, "RowKey": "state", "busy": state.is_busy, **shown(state.summary), **pack(state)}
        return await self._tables.replace(TENANTS, row, etag)

    async def announce_manual(self, tenant: TenantId, run: RunId, at: datetime) -> None:
        """Store that a manual change is about to be written, so that the watchdog can end it."""
        await self._tables.put(TENANTS, {"PartitionKey": tenant, "RowKey": keys.manual(run), "since": at.isoformat()})

    async def settle_manual(self, tenant: TenantId, run: RunId) -> None:
        """Delete what `announce_manual` stored."""
        await self._tables.delete(TENANTS, tenant, keys.manual(run))

    async def list_manual(self) -> AsyncIterator[tuple[TenantId, RunId, datetime]]:
        """Iterate over the manual changes of all tenants that are announced and not settled."""
        rows = self._tables.query(TENANTS, rows=keys.MANUAL)
        async for announced in readable(self._tables, TENANTS, rows, _manual):
            yield announced

    async def list_active(self) -> AsyncIterator[tuple[TenantId, TenantState]]:
        """Iterate over the tenants with an active, a waiting or an announced run or a change, and their states."""
        rows = self._tables.query(TENANTS, row="state", where="busy eq true")
        async for active in readable(
            self._tables, TENANTS, rows, lambda row: (TenantId(row["PartitionKey"]), unpack(row, TenantState))
        ):
            yield active

    async def list_summaries(self) -> AsyncIterator[tuple[TenantId, Summary]]:
        """Iterate over the summaries of all tenants with a state, sorted by tenant id."""
        rows = self._tables.query(TENANTS, row="state", select=["PartitionKey", "RowKey", *SUMMARY])
        async for summary in readable(
            self._tables, TENANTS, rows, lambda row: (TenantId(row["PartitionKey"]), read(row))
        ):
            yield summary

    async def find_pause(self) -> Versioned[PauseOfAll | None]:
        """Return the pause of all tenants; None with ETag None if there is none."""
        row: Any = await self._tables.find(TENANTS, keys.PAUSE, keys.PAUSE)
        return Versioned(None, None) if row is None else Versioned(unpack(row, PauseOfAll), etag_of(row))

    async def replace_pause(self, pause: PauseOfAll, etag: str | None) -> str:
        """Store the pause of all tenants and return its new ETag. Raises ETagConflict if it changed since."""
        return await self._tables.replace(
            TENANTS, {"PartitionKey": keys.PAUSE, "RowKey": keys.PAUSE, **pack(pause)}, etag
        )

    async def delete_pause(self, etag: str) -> None:
        """Delete the pause of all tenants. Raises ETagConflict if it changed since it was read."""
        await self._tables.delete(TENANTS, keys.PAUSE, keys.PAUSE, etag)


def _manual(row: Mapping[str, Any]) -> tuple[TenantId, RunId, datetime]:
    run = RunId(row["RowKey"].removeprefix(keys.MANUAL[0]))
    return TenantId(row["PartitionKey"]), run, datetime.fromisoformat(row["since"])
