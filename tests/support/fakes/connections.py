"""Connections in memory."""

from collections.abc import AsyncIterator

from shared.domain.access.tenants import ConnectedTenant
from shared.domain.connections.connection import Connection
from shared.domain.connections.connection_health import Health
from shared.domain.connections.secret_entry import SecretEntry
from shared.domain.ids import TenantId
from shared.domain.optimistic_locking import Expected, Part
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict
from tests.support.fakes.tenant_rows import FakeTenantRows


class FakeConnectionStore:
    """`ConnectionStore` in dicts."""

    def __init__(self, rows: FakeTenantRows) -> None:
        self.rows = rows

    async def find(self, tenant: TenantId) -> Connection | None:
        """Return the tenant's connection, None while it is switched off."""
        return self.rows.connections.value(tenant)

    async def put(self, tenant: TenantId, connection: Connection, expected: Expected | None = None) -> str:
        """Store a connection and return its ETag. Raises: ETagConflict unless the stored one has the expected ETag."""
        return self.rows.put(tenant, Part.CONNECTION, connection, expected)

    async def replace(self, tenant: TenantId, old: Connection, new: Connection) -> None:
        """Store a connection if `old` is the stored one. Raises: ETagConflict."""
        if self.rows.connections.value(tenant) != old:
            raise ETagConflict("The connection changed since it was read.")
        self.rows.connections.put(tenant, new)

    async def delete(self, tenant: TenantId, expected: Expected | None = None) -> None:
        """Delete the connection, if it exists. Raises: ETagConflict unless it has the expected ETag."""
        self.rows.delete(tenant, Part.CONNECTION, expected)

    async def list_connected(self) -> AsyncIterator[ConnectedTenant]:
        """Iterate over the tenants that have a connection."""
        for tenant, connection in list(self.rows.connections.items()):
            yield ConnectedTenant(id=tenant, secret_expires_on=connection.secret_expires_on)

    async def get_health(self, tenant: TenantId) -> Versioned[Health]:
        """Return the health of the tenant's connection; a new one with ETag None if it never failed."""
        return self.rows.health.find(tenant) or Versioned(Health(), None)

    async def replace_health(self, tenant: TenantId, health: Health, etag: str | None) -> str:
        """Store the health and return its new ETag. Raises: ETagConflict if it changed since it was read."""
        return self.rows.health.replace(tenant, health, etag)

    async def delete_health(self, tenant: TenantId) -> None:
        """Delete the health, if it exists."""
        self.rows.health.delete(tenant)

    async def list_unhealthy(self) -> AsyncIterator[tuple[TenantId, Health]]:
        """Iterate over the tenants whose health is `open`."""
        for tenant, health in list(self.rows.health.items()):
            if health.open:
                yield tenant, health

    async def find_secret_entry(self, tenant: TenantId, name: str) -> Versioned[SecretEntry | None]:
        """Return the row of a Key Vault entry, None with ETag None if there is none."""
        found = self.rows.secret_entries.find((tenant, name))
        return Versioned(found.value, found.etag) if found else Versioned(None, None)

    async def replace_secret_entry(self, entry: SecretEntry, etag: str | None) -> str:
        """Store the row of a Key Vault entry. Raises: ETagConflict if it changed since it was read."""
        return self.rows.secret_entries.replace((entry.tenant, entry.name), entry, etag)

    async def delete_secret_entry(self, entry: SecretEntry, etag: str | None) -> None:
        """Delete the row of a Key Vault entry, if it exists. Raises: ETagConflict if it changed since it was read."""
        key = (entry.tenant, entry.name)
        if self.rows.secret_entries.find(key) is not None:
            self.rows.secret_entries.require(key, etag)
            self.rows.secret_entries.delete(key)

    async def list_secret_entries(self, tenant: TenantId | None = None) -> AsyncIterator[Versioned[SecretEntry]]:
        """Iterate over the rows of the Key Vault entries of one tenant, or of all tenants."""
        for key in self.rows.secret_entries.keys():
            found = self.rows.secret_entries.find(key)
            if found is not None and tenant in {None, key[0]}:
                yield found
