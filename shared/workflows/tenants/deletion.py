"""Deletion of tenants, in steps of bounded size.

The deletion is stored first. While it is stored, the id cannot be used again. A worker that read a directory when the
tenant was deleted may write a page or a result after its rows were deleted, so they are looked for once more
`SETTLED_AFTER` the tenant itself was gone, by the clock of storage. When nothing was found then, the deletion is
dropped.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.domain.connections.connection import first_entry_name
from shared.domain.deletion import Deletion
from shared.domain.ids import TenantId
from shared.errors import BeingErased, NotFound, SyncError
from shared.ports.platform import Clock, SecretStore, StorageClock
from shared.ports.tenant_data import TenantData
from shared.ports.tenants import TenantStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import event
from shared.workflows.connections.secret_entries import SecretEntries

#: Time after the end of a tenant when the jobs that ran then have ended: host.json ends a function after ten minutes.
SETTLED_AFTER: Final = timedelta(minutes=15)
#: Maximum number of rows that one step deletes.
STEP_ROWS: Final = 2_000
#: Time after which a request answers that the deletion continues, in seconds.
IN_REQUEST_S: Final = 10.0
#: Time after which the watchdog begins no further step, in seconds; host.json gives it ten minutes for all its work.
IN_WATCHDOG_S: Final = 180.0
#: Shortest time after which a refused creation may be repeated, in seconds.
_RETRY_S: Final = 60.0


class TenantDeletion(msgspec.Struct, frozen=True, kw_only=True):
    """Deletes every row of a tenant and its secrets in Key Vault."""

    tenants: TenantStore
    #: Stores of the tenant's data. The tenant itself is deleted first, so that nothing new begins.
    data: Sequence[TenantData]
    secrets: SecretStore
    entries: SecretEntries
    clock: Clock
    storage_clock: StorageClock

    @optimistic_update
    async def begin(self, tenant: TenantId) -> None:
        """Store the deletion, so that the watchdog finishes it if this worker crashes."""
        deletion, etag = await self.tenants.find_deletion(tenant)
        if deletion is None:
            # `sweeping` also keeps an earlier version of the app from using the id
            await self.tenants.replace_deletion(tenant, Deletion(at=self.clock.now(), sweeping=True), etag)

    async def get(self, tenant: TenantId) -> Deletion:
        """Return the progress of a deletion. Raises NotFound (`deletion_not_found`) if none is in progress."""
        deletion, _ = await self.tenants.find_deletion(tenant)
        if deletion is None:
            raise NotFound(f"No deletion of the tenant {tenant!r} is in progress.", code="deletion_not_found")
        return deletion

    async def require_none(self, tenant: TenantId) -> None:
        """Raise BeingErased while a deleted tenant of this id is being erased."""
        deletion, _ = await self.tenants.find_deletion(tenant)
        if deletion is not None:
            now = self.clock.now()
            left = ((deletion.gone_at or now) + SETTLED_AFTER - now).total_seconds()
            raise BeingErased(
                f"The deleted tenant {tenant!r} is being erased. Its id can be used again afterwards.",
                retry_after_s=max(_RETRY_S, left),
            )

    async def advance(self, tenant: TenantId, seconds: float) -> None:
        """Delete rows for about this time, and drop the deletion when nothing can be left."""
        begun, until = await self.storage_clock.now(), self.clock.monotonic_s() + seconds
        await self.secrets.delete(first_entry_name(tenant))
        while rows := await self._step(tenant):
            await self._count(tenant, rows)
            if self.clock.monotonic_s() >= until:
                return
        await self._nothing_left(tenant, begun)

    async def sweep(self) -> None:
        """Continue the deletion of all tenants for about `IN_WATCHDOG_S`, except those that wait for late writes.

        A failure for one tenant does not affect the others.
        """
        until = self.clock.monotonic_s() + IN_WATCHDOG_S
        async for tenant, deletion in self.tenants.list_deletions():
            if deletion.empty_at is not None and not self._is_settled(deletion, self.clock.now()):
                continue
            try:
                await self.advance(tenant, until - self.clock.monotonic_s())
            except SyncError as error:
                event("sweep_failed", tenant=tenant, code=error.code)
            if self.clock.monotonic_s() >= until:
                return

    @staticmethod
    def _is_settled(deletion: Deletion, at: datetime) -> bool:
        """Return whether nothing of the tenant could be written any more at a time."""
        return deletion.gone_at is not None and at - deletion.gone_at >= SETTLED_AFTER

    async def _step(self, tenant: TenantId) -> int:
        """Delete at most `STEP_ROWS` rows and the secrets that no request is storing. Return the number of rows."""
        await self.entries.will_replace(tenant)
        rows = await self.tenants.delete_all(tenant, STEP_ROWS)
        await self.entries.delete_unused(tenant)
        for store in self.data:
            if rows < STEP_ROWS:
                rows += await store.delete_all(tenant, STEP_ROWS - rows)
        return rows

    @optimistic_update
    async def _count(self, tenant: TenantId, rows: int) -> None:
        deletion, etag = await self.tenants.find_deletion(tenant)
        if deletion is not None:
            gone_at = deletion.gone_at or await self.storage_clock.now()  # a step deletes the tenant itself first
            counted = msgspec.structs.replace(deletion, rows=deletion.rows + rows, gone_at=gone_at, empty_at=None)
            await self.tenants.replace_deletion(tenant, counted, etag)

    @optimistic_update
    async def _nothing_left(self, tenant: TenantId, begun: datetime) -> None:
        """Store that nothing was found by a search that was `begun` then, or drop the deletion if that is final."""
        deletion, etag = await self.tenants.find_deletion(tenant)
        if deletion is None or etag is None:
            return
        if self._is_settled(deletion, begun):
            await self.tenants.delete_deletion(tenant, etag)
            event("swept", tenant=tenant, rows=deletion.rows)
        elif deletion.empty_at is None:
            now = await self.storage_clock.now()
            empty = msgspec.structs.replace(deletion, gone_at=deletion.gone_at or now, empty_at=now)
            await self.tenants.replace_deletion(tenant, empty, etag)
