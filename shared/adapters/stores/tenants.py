"""Tenants, and tombstones of deleted tenants."""

from collections.abc import AsyncIterator
from typing import TypeVar

import msgspec

from shared.adapters.stores import keys
from shared.adapters.stores.account_placement import TenantTables
from shared.adapters.stores.table_names import LOCATIONS, TENANTS
from shared.adapters.stores.tenant_rows import TenantRows, etag_of, versioned
from shared.adapters.stores.unreadable_rows import readable
from shared.adapters.tables.bounded_deletion import delete_some
from shared.adapters.tables.client import Tables
from shared.adapters.tables.packing import pack, unpack
from shared.domain.access.tenant_context import TenantContext
from shared.domain.access.tenants import TenantSummary
from shared.domain.connections.connection import Connection
from shared.domain.connections.connection_health import Health
from shared.domain.deletion import Deletion
from shared.domain.ids import TenantId
from shared.domain.operations.retention import RetentionRound
from shared.domain.optimistic_locking import Expected, Part
from shared.domain.preferences.preferences import Preferences
from shared.domain.run import TenantState
from shared.domain.versioned import Versioned
from shared.errors import NotFound
from shared.ports.tenant_data import ALL_ROWS

T = TypeVar("T")


class TableTenantStore:
    """`TenantStore` on the table Tenants."""

    def __init__(self, tables: Tables, accounts: TenantTables | None = None) -> None:
        self._tables = tables
        self._rows = TenantRows(tables)
        self._accounts = accounts or tables

    async def get_context(self, tenant: TenantId) -> TenantContext:
        """Return the tenant with its connection, preferences, health and state, in one request."""
        rows = {row["RowKey"]: row async for row in self._tables.query(TENANTS, partition=tenant)}
        return TenantContext(
            tenant=TenantSummary(id=tenant, name=rows["tenant"]["name"]) if "tenant" in rows else None,
            connection=unpack(rows["connection"], Connection) if "connection" in rows else None,
            preferences=unpack(rows["preferences"], Preferences) if "preferences" in rows else Preferences(),
            health=versioned(rows.get("health"), Health),
            state=versioned(rows.get("state"), TenantState),
        )

    async def find_version(self, tenant: TenantId, part: Part) -> str | None:
        """Return the ETag of a part of the configuration; None if it was never stored."""
        row = await self._tables.find(TENANTS, tenant, part.value)
        return None if row is None else etag_of(row)

    async def find_part(self, tenant: TenantId, part: Part, kind: type[T]) -> Versioned[T | None]:
        """Return a part of the configuration with its ETag; None with ETag None if it was never stored."""
        row = await self._tables.find(TENANTS, tenant, part.value)
        if row is None:
            return Versioned(None, None)
        if part is Part.TENANT:
            return Versioned(msgspec.convert(TenantSummary(id=tenant, name=row["name"]), kind), etag_of(row))
        return Versioned(unpack(row, kind), etag_of(row))

    async def put(self, tenant: TenantSummary, expected: Expected | None = None) -> str:
        """Create or rename a tenant and return its new ETag. Raises ETagConflict unless it has the expected ETag.

        The account is chosen first, so that a request that finds the tenant also finds its account.
        """
        await self._accounts.place(tenant.id)
        return await self._rows.write({"PartitionKey": tenant.id, "RowKey": "tenant", "name": tenant.name}, expected)

    async def get(self, tenant: TenantId) -> TenantSummary:
        """Return a tenant. Raises NotFound if it does not exist."""
        row = await self._tables.find(TENANTS, tenant, "tenant")
        if row is None:
            raise NotFound(
                f"Tenant {tenant!r} does not exist: check the id, or ask the operator to add the tenant.",
                code="tenant_not_found",
            )
        return TenantSummary(id=tenant, name=row["name"])

    async def list_tenants(self, after: str = "") -> AsyncIterator[TenantSummary]:
        """Iterate over all tenants, sorted by id, after the id `after`."""
        behind = keys.tenants_behind(after) if after else None
        rows = self._tables.query(TENANTS, row="tenant", partitions=behind)
        async for tenant in readable(
            self._tables, TENANTS, rows, lambda row: TenantSummary(id=TenantId(row["PartitionKey"]), name=row["name"])
        ):
            yield tenant

    async def find_deletion(self, tenant: TenantId) -> Versioned[Deletion | None]:
        """Return the tombstone of the tenant; None with ETag None if it was not deleted recently."""
        row = await self._tables.find(TENANTS, keys.DELETIONS, keys.deletion(tenant))
        return Versioned(unpack(row, Deletion), etag_of(row)) if row is not None else Versioned(None, None)

    async def replace_deletion(self, tenant: TenantId, deletion: Deletion, etag: str | None) -> str:
        """Store a tombstone and return its new ETag. Raises ETagConflict if it changed since it was read."""
        row = {"PartitionKey": keys.DELETIONS, "RowKey": keys.deletion(tenant), "tenant": tenant, **pack(deletion)}
        return await self._tables.replace(TENANTS, row, etag)

    async def delete_deletion(self, tenant: TenantId, etag: str) -> None:
        """Delete a tombstone, if it exists. Raises ETagConflict if it changed since it was read."""
        await self._tables.delete(TENANTS, keys.DELETIONS, keys.deletion(tenant), etag)

    async def get_retention_round(self) -> Versioned[RetentionRound]:
        """Return the round of the retention; a new one with ETag None before the first."""
        return versioned(await self._tables.find(TENANTS, keys.RETENTION, keys.RETENTION), RetentionRound)

    async def replace_retention_round(self, round_: RetentionRound, etag: str | None) -> str:
        """Store the round of the retention and return its new ETag. Raises ETagConflict if it changed since."""
        row = {"PartitionKey": keys.RETENTION, "RowKey": keys.RETENTION, **pack(round_)}
        return await self._tables.replace(TENANTS, row, etag)

    async def list_deletions(self) -> AsyncIterator[tuple[TenantId, Deletion]]:
        """Iterate over all tombstones."""
        rows = self._tables.query(TENANTS, partition=keys.DELETIONS)
        async for deletion in readable(
            self._tables, TENANTS, rows, lambda row: (TenantId(row["tenant"]), unpack(row, Deletion))
        ):
            yield deletion

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete the tenant with its connection, settings and state. As `TenantData.delete_all`.

        Its placement is kept, because workers cache it.
        """
        tables = await self._accounts.of(tenant)
        deleted = await delete_some(self._tables, TENANTS, limit, partition=tenant)
        return deleted + await delete_some(tables, LOCATIONS, limit - deleted, partition=tenant)
