"""The states that runs compete for, in memory."""

from collections.abc import AsyncIterator

from shared.domain.ids import TenantId
from shared.domain.run import Summary, TenantState
from shared.domain.versioned import Versioned
from tests.support.fakes.tenant_rows import FakeTenantRows


class FakeSyncStateStore:
    """`SyncStateStore` in dicts."""

    def __init__(self, rows: FakeTenantRows) -> None:
        self.rows = rows

    async def get(self, tenant: TenantId) -> Versioned[TenantState]:
        """Return the tenant's state; a new one with ETag None if it never had any."""
        return self.rows.states.find(tenant) or Versioned(TenantState(), None)

    async def replace(self, tenant: TenantId, state: TenantState, etag: str | None) -> str:
        """Store the state and return its new ETag. Raises: ETagConflict if it changed since it was read."""
        return self.rows.states.replace(tenant, state, etag)

    async def list_active(self) -> AsyncIterator[tuple[TenantId, TenantState]]:
        """Iterate over the tenants that have an active, a waiting or an announced run, with their state."""
        for tenant, state in list(self.rows.states.items()):
            if state.is_busy:
                yield tenant, state

    async def list_summaries(self) -> AsyncIterator[tuple[TenantId, Summary]]:
        """Iterate over the summaries of all tenants that have a state, by id."""
        for tenant, state in list(self.rows.states.items()):
            yield tenant, state.summary
