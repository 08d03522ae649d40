"""Deletion of tenants: immediately, and a second time when running jobs have ended.

A worker that read a directory when the tenant was deleted may write a page or a result after its rows were erased. The
deletion is therefore stored first, and the watchdog erases again after `SETTLED_AFTER`.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import msgspec

from shared.domain.connections.connection import first_entry_name
from shared.domain.ids import TenantId
from shared.domain.run import Deletion
from shared.errors import Conflict, SyncError
from shared.ports.platform import Clock, SecretStore
from shared.ports.tenants import TenantData, TenantStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import event

#: Time after a deletion when the jobs that ran then have ended: host.json ends a function after ten minutes.
SETTLED_AFTER: Final = timedelta(minutes=15)


class TenantDeletion(msgspec.Struct, frozen=True, kw_only=True):
    """Deletes every row of a tenant and its secret in Key Vault."""

    tenants: TenantStore
    #: Stores of the tenant's data except `tenants`, in the order of deletion.
    data: Sequence[TenantData]
    secrets: SecretStore
    clock: Clock

    @optimistic_update
    async def begin(self, tenant: TenantId) -> None:
        """Store the deletion, so that the watchdog finishes it if this worker crashes."""
        deletion, etag = await self.tenants.find_deletion(tenant)
        if deletion is None or not deletion.sweeping:
            await self.tenants.replace_deletion(tenant, Deletion(at=self.clock.now()), etag)

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant, the tenant itself last.

        Entries in Key Vault are deleted when the connection is, or by their rows; only one of an earlier version of
        the app can be without a row.
        """
        await self.secrets.delete(first_entry_name(tenant))
        for store in self.data:
            await store.delete_all(tenant)
        await self.tenants.delete_all(tenant)

    async def make_way(self, tenant: TenantId) -> None:
        """Erase what is left of a deleted tenant with this id, so that the id can be used again.

        Raises Conflict (`sweeping`) while another worker erases it.
        """
        deletion, _ = await self.tenants.find_deletion(tenant)
        if deletion is not None and deletion.sweeping:
            raise Conflict(f"Tenant {tenant!r} is being erased. Try again in a minute.", code="sweeping")
        await self._sweep(tenant)

    async def sweep(self) -> None:
        """Repeat the deletion of tenants deleted more than `SETTLED_AFTER` ago, then drop their deletions.

        A failure for one tenant does not affect the others.
        """
        settled = self.clock.now() - SETTLED_AFTER
        async for tenant, deletion in self.tenants.list_deletions():
            if deletion.sweeping or deletion.at <= settled:
                try:
                    await self._sweep(tenant)
                except SyncError as error:
                    event("sweep_failed", tenant=tenant, code=error.code)

    async def _sweep(self, tenant: TenantId) -> None:
        """Erase, then drop the deletion. The deletion is claimed first, so that only one of two workers erases."""
        deletion, etag = await self.tenants.find_deletion(tenant)
        if deletion is None:
            return
        sweeping_etag = await self.tenants.replace_deletion(
            tenant, msgspec.structs.replace(deletion, sweeping=True), etag
        )
        await self.erase(tenant)
        await self.tenants.delete_deletion(tenant, sweeping_etag)
        event("swept", tenant=tenant)
