"""Tenants in memory."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar

import msgspec

from shared.domain.access.tenant_context import TenantContext
from shared.domain.access.tenants import TenantSummary
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
from tests.support.fakes.rows import Rows
from tests.support.fakes.tenant_rows import FakeTenantRows

T = TypeVar("T")


class FakeTenantStore:
    """`TenantStore` in dicts."""

    def __init__(self, rows: FakeTenantRows) -> None:
        self.rows = rows

    async def get_context(self, tenant: TenantId) -> TenantContext:
        """Return the tenant with its connection, preferences, health and state, in one request."""
        return TenantContext(
            tenant=self.rows.tenants.value(tenant),
            connection=self.rows.connections.value(tenant),
            preferences=self.rows.preferences.value(tenant) or Preferences(),
            health=self.rows.health.find(tenant) or Versioned(Health(), None),
            state=self.rows.states.find(tenant) or Versioned(TenantState(), None),
        )

    async def find_version(self, tenant: TenantId, part: Part) -> str | None:
        """Return the ETag of a part of the configuration, None where it was never stored."""
        found = self.rows.of(part).find(tenant)
        return None if found is None else found.etag

    async def find_part(self, tenant: TenantId, part: Part, kind: type[T]) -> Versioned[T | None]:
        """Return a part of the configuration with its ETag, None with ETag None where it was never stored."""
        found = self.rows.of(part).find(tenant)
        return Versioned(None, None) if found is None else Versioned(msgspec.convert(found.value, kind), found.etag)

    async def put(self, tenant: TenantSummary, expected: Expected | None = None) -> str:
        """Create or rename a tenant, and return its new ETag. Raises: ETagConflict unless it has the expected ETag."""
        return self.rows.put(tenant.id, Part.TENANT, tenant, expected)

    async def get(self, tenant: TenantId) -> TenantSummary:
        """Return a tenant. Raises: NotFound."""
        found = self.rows.tenants.value(tenant)
        if found is None:
            raise NotFound(f"Tenant {tenant!r} does not exist.", code="tenant_not_found")
        return found

    async def list_tenants(self, after: str = "") -> AsyncIterator[TenantSummary]:
        """Iterate over all tenants by id, beginning after the id `after`."""
        for id_, tenant in list(self.rows.tenants.items()):
            if id_ > after:
                yield tenant

    async def find_deletion(self, tenant: TenantId) -> Versioned[Deletion | None]:
        """Return the tenant's deletion, None with ETag None if it was not deleted recently."""
        found = self.rows.deletions.find(tenant)
        return Versioned(found.value, found.etag) if found else Versioned(None, None)

    async def replace_deletion(self, tenant: TenantId, deletion: Deletion, etag: str | None) -> str:
        """Store a deletion and return its new ETag. Raises: ETagConflict if it changed since it was read."""
        return self.rows.deletions.replace(tenant, deletion, etag)

    async def delete_deletion(self, tenant: TenantId, etag: str) -> None:
        """Delete a deletion, if it exists. Raises: ETagConflict if it changed since it was read."""
        if self.rows.deletions.find(tenant) is not None:
            self.rows.deletions.require(tenant, etag)
            self.rows.deletions.delete(tenant)

    async def get_retention_round(self) -> Versioned[RetentionRound]:
        """Return the round of the retention; a new one with ETag None before the first."""
        return self.rows.retention.find("") or Versioned(RetentionRound(), None)

    async def replace_retention_round(self, round_: RetentionRound, etag: str | None) -> str:
        """Store the round of the retention. Raises: ETagConflict if it changed since it was read."""
        return self.rows.retention.replace("", round_, etag)

    async def list_deletions(self) -> AsyncIterator[tuple[TenantId, Deletion]]:
        """Iterate over all deletions."""
        for tenant, deletion in list(self.rows.deletions.items()):
            yield tenant, deletion

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete the tenant with its connection, settings and state. As `TenantData.delete_all`."""
        deletions: list[Callable[[], None]] = []
        tables: list[Rows[TenantId, Any]] = [*map(self.rows.of, Part), self.rows.states, self.rows.health]
        deletions += [partial(rows.delete, tenant) for rows in tables if rows.find(tenant) is not None]
        announced = [key for key in self.rows.manual.keys() if key[0] == tenant]
        places = [key for key in self.rows.locations.keys() if key[0] == tenant]
        deletions += [partial(self.rows.manual.delete, key) for key in announced]
        deletions += [partial(self.rows.locations.delete, key) for key in places]
        erasing = [key for key in self.rows.location_deletions.keys() if key[0] == tenant]
        deletions += [partial(self.rows.location_deletions.delete, key) for key in erasing]
        for delete in deletions[:limit]:
            delete()
        return len(deletions[:limit])
