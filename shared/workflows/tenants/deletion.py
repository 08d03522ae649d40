"""Erases tenants: at once, and once more when whatever was still running has come to its end.

A worker that read a directory when the tenant was deleted may write a page or a result after its rows were erased. The
deletion is therefore written down first, and the watchdog erases again once no worker can be left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from shared.domain.connections.connection import secret_name
from shared.domain.ids import TenantId
from shared.domain.run import Deletion
from shared.errors import Conflict, SyncError
from shared.ports.platform import Clock, SecretStore
from shared.ports.tenants import TenantData, TenantStore
from shared.telemetry import event
from shared.workflows.optimistic_update import optimistic_update

#: After this nothing that ran at a deletion runs any more: host.json ends a function after ten minutes.
SETTLED_AFTER: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Deletes every row and the secret of a tenant."""

    tenants: TenantStore
    #: What the tenants' data is stored in, the tenants themselves aside, in the order of deleting it.
    data: Sequence[TenantData]
    secrets: SecretStore
    clock: Clock

    @optimistic_update
    async def begin(self, tenant: TenantId) -> None:
        """Leave the deletion written down, so that it is finished whoever dies on the way."""
        known, etag = await self.tenants.find_deletion(tenant)
        if known is None or not known.sweeping:
            await self.tenants.replace_deletion(tenant, Deletion(at=self.clock.now()), etag)

    async def erase(self, tenant: TenantId) -> None:
        """Leave nothing of the tenant in any table, nor its secret in Key Vault; the tenant itself goes last."""
        await self.secrets.delete(secret_name(tenant))
        for store in self.data:
            await store.delete_all(tenant)
        await self.tenants.delete_all(tenant)

    async def make_way(self, tenant: TenantId) -> None:
        """Leave nothing of a deleted tenant for a new one of the same id. Raises: Conflict while it is being swept."""
        known, _ = await self.tenants.find_deletion(tenant)
        if known is not None and known.sweeping:
            raise Conflict(f"Tenant {tenant!r} is being erased. Try again in a minute.", code="sweeping")
        await self._sweep(tenant)

    async def sweep(self) -> None:
        """Erase again whatever was deleted long enough ago, and forget it then. One tenant stops no other."""
        settled = self.clock.now() - SETTLED_AFTER
        async for tenant, deletion in self.tenants.list_deletions():
            if deletion.sweeping or deletion.at <= settled:
                try:
                    await self._sweep(tenant)
                except SyncError as error:
                    event("sweep_failed", tenant=tenant, code=error.code)

    async def _sweep(self, tenant: TenantId) -> None:
        """Erase and forget. Claimed first, so that of two who find a deletion none erases what the other made of it."""
        known, etag = await self.tenants.find_deletion(tenant)
        if known is None:
            return
        claimed = await self.tenants.replace_deletion(tenant, msgspec.structs.replace(known, sweeping=True), etag)
        await self.erase(tenant)
        await self.tenants.delete_deletion(tenant, claimed)
        event("swept", tenant=tenant)
