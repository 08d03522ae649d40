"""The states that runs compete for, in memory."""

from collections.abc import AsyncIterator
from datetime import datetime

from shared.domain.ids import RunId, TenantId
from shared.domain.pause import PauseOfAll
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

    async def announce_manual(self, tenant: TenantId, run: RunId, at: datetime) -> None:
        """Store that a manual change is about to be written."""
        self.rows.manual.put((tenant, run), at)

    async def settle_manual(self, tenant: TenantId, run: RunId) -> None:
        """Delete what `announce_manual` stored."""
        self.rows.manual.delete((tenant, run))

    async def list_manual(self) -> AsyncIterator[tuple[TenantId, RunId, datetime]]:
        """Iterate over the manual changes of all tenants that are announced and not settled."""
        for (tenant, run), at in list(self.rows.manual.items()):
            yield tenant, run, at

    async def list_active(self) -> AsyncIterator[tuple[TenantId, TenantState]]:
        """Iterate over the tenants that have an active, a waiting or an announced run, with their state."""
        for tenant, state in list(self.rows.states.items()):
            if state.is_busy:
                yield tenant, state

    async def list_summaries(self) -> AsyncIterator[tuple[TenantId, Summary]]:
        """Iterate over the summaries of all tenants that have a state, by id."""
        for tenant, state in list(self.rows.states.items()):
            yield tenant, state.summary

    async def find_pause(self) -> Versioned[PauseOfAll | None]:
        """Return the pause of all tenants; None with ETag None if there is none."""
        stored = self.rows.pause.find(None)
        return Versioned(stored.value, stored.etag) if stored else Versioned(None, None)

    async def replace_pause(self, pause: PauseOfAll, etag: str | None) -> str:
        """Store the pause of all tenants and return its new ETag. Raises: ETagConflict if it changed since."""
        return self.rows.pause.replace(None, pause, etag)

    async def delete_pause(self, etag: str) -> None:
        """Delete the pause of all tenants. Raises: ETagConflict if it changed since it was read."""
        self.rows.pause.require(None, etag)
        self.rows.pause.delete(None)
