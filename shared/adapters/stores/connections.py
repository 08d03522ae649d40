"""Connections and their health."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from shared.adapters.stores import keys
from shared.adapters.stores.table_names import TENANTS
from shared.adapters.stores.tenant_rows import TenantRows, etag_of
from shared.adapters.stores.unreadable_rows import readable
from shared.adapters.tables.client import Tables
from shared.adapters.tables.packing import pack, unpack
from shared.domain.access.tenants import ConnectedTenant
from shared.domain.connections.connection import Connection
from shared.domain.connections.connection_health import Health
from shared.domain.connections.secret_entry import SecretEntry
from shared.domain.ids import TenantId
from shared.domain.optimistic_locking import Expected, Part
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict


class TableConnectionStore:
    """`ConnectionStore` on the table Tenants."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._rows = TenantRows(tables)

    async def find(self, tenant: TenantId) -> Connection | None:
        """Return the tenant's connection; None while the tenant is disconnected."""
        return await self._rows.find(tenant, "connection", Connection)

    async def put(self, tenant: TenantId, connection: Connection, expected: Expected | None = None) -> str:
        """Store a connection and return its ETag. Raises ETagConflict unless the stored one has the expected ETag."""
        return await self._rows.put(tenant, Part.CONNECTION, connection, expected, _ends(connection))

    async def replace(self, tenant: TenantId, old: Connection, new: Connection) -> None:
        """Replace the connection `old`. Raises ETagConflict if another one is stored."""
        row = await self._tables.find(TENANTS, tenant, "connection")
        if row is None or unpack(row, Connection) != old:
            raise ETagConflict("The connection changed since it was read.")
        changed = {"PartitionKey": tenant, "RowKey": "connection", **_ends(new), **pack(new)}
        await self._tables.replace(TENANTS, changed, etag_of(row))

    async def delete(self, tenant: TenantId, expected: Expected | None = None) -> None:
        """Delete the connection, if it exists. Raises ETagConflict unless it has the expected ETag."""
        await self._rows.delete(tenant, Part.CONNECTION, expected)

    async def list_connected(self) -> AsyncIterator[ConnectedTenant]:
        """Iterate over the tenants that have a connection."""
        rows = self._tables.query(TENANTS, row="connection", select=["PartitionKey", "RowKey", "ends"])
        async for connected in readable(self._tables, TENANTS, rows, _connected):
            yield connected

    async def get_health(self, tenant: TenantId) -> Versioned[Health]:
        """Return the health of the tenant's connection; a new one with ETag None if it never failed."""
        return await self._rows.get(tenant, "health", Health)

    async def replace_health(self, tenant: TenantId, health: Health, etag: str | None) -> str:
        """Store the health and return its new ETag. Raises ETagConflict if it changed since it was read."""
        row = {"PartitionKey": tenant, "RowKey": "health", "open": health.open, **pack(health)}
        return await self._tables.replace(TENANTS, row, etag)

    async def delete_health(self, tenant: TenantId) -> None:
        """Delete the health, if it exists."""
        await self._tables.delete(TENANTS, tenant, "health")

    async def list_unhealthy(self) -> AsyncIterator[tuple[TenantId, Health]]:
        """Iterate over the tenants whose health is `open`."""
        rows = self._tables.query(TENANTS, row="health", where="open eq true")
        async for health in readable(
            self._tables, TENANTS, rows, lambda row: (TenantId(row["PartitionKey"]), unpack(row, Health))
        ):
            yield health

    async def find_secret_entry(self, tenant: TenantId, name: str) -> Versioned[SecretEntry | None]:
        """Return the row of a Key Vault entry; None with ETag None if it does not exist."""
        row = await self._tables.find(TENANTS, keys.SECRETS, keys.secret(tenant, name))
        return Versioned(None, None) if row is None else Versioned(unpack(row, SecretEntry), etag_of(row))

    async def replace_secret_entry(self, entry: SecretEntry, etag: str | None) -> str:
        """Store the row of a Key Vault entry and return its new ETag. Raises ETagConflict if it changed since."""
        row = {"PartitionKey": keys.SECRETS, "RowKey": keys.secret(entry.tenant, entry.name), **pack(entry)}
        return await self._tables.replace(TENANTS, row, etag)

    async def delete_secret_entry(self, entry: SecretEntry, etag: str | None) -> None:
        """Delete the row of a Key Vault entry, if it exists. Raises ETagConflict if it changed since it was read."""
        await self._tables.delete(TENANTS, keys.SECRETS, keys.secret(entry.tenant, entry.name), etag)

    async def list_secret_entries(self, tenant: TenantId | None = None) -> AsyncIterator[Versioned[SecretEntry]]:
        """Iterate over the rows of the Key Vault entries of one tenant, or of all tenants."""
        range_ = keys.secret_range(tenant) if tenant is not None else None
        rows = self._tables.query(TENANTS, partition=keys.SECRETS, rows=range_)
        async for entry in readable(
            self._tables, TENANTS, rows, lambda row: Versioned(unpack(row, SecretEntry), etag_of(row))
        ):
            yield entry


def _connected(row: Mapping[str, Any]) -> ConnectedTenant:
    ends = row.get("ends")
    return ConnectedTenant(
        id=TenantId(row["PartitionKey"]), secret_expires_on=datetime.fromisoformat(ends) if ends else None
    )


def _ends(connection: Connection) -> dict[str, str]:
    """Return the secret's expiry as a column, which the schedule reads without unpacking the connection."""
    ends = connection.secret_expires_on
    return {"ends": ends.isoformat()} if ends else {}
