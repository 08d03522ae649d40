"""Deletion of the rows of a deleted location, in steps of bounded size.

The change of configuration that deletes a location marks it as being deleted: from then on it is not listed, and its id
cannot be used. The request deletes rows for some seconds. Repeating it, a request that creates a location with the id,
or the watchdog, continues. The mark is removed last.

The fence stays, without anything about the location. A write that was sent before the deletion and arrives after it
needs the fence as it was. Without the row, a writer of a location that had no fence could still insert one.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Protocol

import msgspec

from shared.domain.deletion import LocationDeletion
from shared.domain.ids import LocationId, TenantId
from shared.domain.reconcile.fence import Fence
from shared.domain.run import Summary
from shared.errors import BeingErased, ETagConflict, NotFound, SyncError
from shared.ports.platform import Clock
from shared.ports.recipients import RecipientStore
from shared.ports.tenant_data import Allowed
from shared.ports.tenants import SettingsStore, SyncStateStore
from shared.runtime.optimistic_update import optimistic_update
from shared.telemetry import event
from shared.workflows.tenants.deletion import IN_WATCHDOG_S, STEP_ROWS
from shared.workflows.tenants.summary import revise

#: Shortest time after which a refused creation may be repeated, in seconds.
_RETRY_S: Final = 10.0


class LocationImports(Protocol):
    """The imports of a location."""

    async def abandon(self, tenant: TenantId, location: LocationId, limit: int, allowed: Allowed) -> int:
        """End the imports, and delete up to `limit` rows of them and their files. Return the number of rows."""


class LocationErasure(msgspec.Struct, frozen=True, kw_only=True):
    """Deletes the recipients, the journal and the imports of a deleted location."""

    settings: SettingsStore
    sync_states: SyncStateStore
    recipients: RecipientStore
    imports: LocationImports
    clock: Clock

    @optimistic_update
    async def begin(self, tenant: TenantId, location: LocationId) -> None:
        """Mark a location as being deleted, for the tenant's change that deletes it."""
        _, etag = await self.settings.find_location(tenant, location)
        # read after the location: without the change, another worker has deleted it, and this is a new one
        change = (await self.sync_states.get(tenant)).value.change
        if etag is not None and change is not None and location in change.deleted:
            deletion = LocationDeletion(at=self.clock.now())
            await self.settings.replace_location_deletion(tenant, location, deletion, etag)

    async def get(self, tenant: TenantId, location: LocationId) -> LocationDeletion:
        """Return the progress of a deletion. Raises NotFound (`deletion_not_found`) if none is in progress."""
        deletion, _ = await self.settings.find_location_deletion(tenant, location)
        if deletion is None:
            raise NotFound(f"No deletion of the location {location!r} is in progress.", code="deletion_not_found")
        return deletion

    async def require_none(self, tenant: TenantId, location: LocationId) -> None:
        """Raise BeingErased while a deleted location of this id is being erased."""
        if (await self.settings.find_location_deletion(tenant, location)).value is not None:
            raise BeingErased(
                f"The deleted location {location!r} is being erased. Its id can be used again afterwards.",
                retry_after_s=_RETRY_S,
            )

    async def advance(self, tenant: TenantId, location: LocationId, seconds: float) -> LocationDeletion | None:
        """Delete rows for about this time. Return the deletion, or None if nothing is left."""
        until = self.clock.monotonic_s() + seconds
        while (stored := await self.settings.find_location_deletion(tenant, location)).etag is not None:
            if stored.value is None or not await self._step(tenant, location, stored.value):
                await self._nothing_left(tenant, location, stored.etag)
            if self.clock.monotonic_s() >= until:
                return (await self.settings.find_location_deletion(tenant, location)).value
        return None

    async def sweep(self, erasing: Iterable[tuple[TenantId, LocationId]]) -> None:
        """Continue deletions for about `IN_WATCHDOG_S`. A failure for one of them does not affect the others."""
        until = self.clock.monotonic_s() + IN_WATCHDOG_S
        for tenant, location in erasing:
            try:
                if await self.advance(tenant, location, until - self.clock.monotonic_s()) is None:
                    await self.forget(tenant, location)
            except SyncError as error:
                event("sweep_failed", tenant=tenant, code=error.code)
            if self.clock.monotonic_s() >= until:
                return

    async def _step(self, tenant: TenantId, location: LocationId, deletion: LocationDeletion) -> int:
        """Delete at most `STEP_ROWS` rows, and return their number.

        Rows are deleted only in the version that was listed while the location was being deleted, so a worker that was
        stopped in between does not delete rows of a new location of this id.
        """

        async def allowed() -> bool:
            return await self._is_deleted(tenant, location)

        await self._take_fence(tenant, location)
        rows = await self.imports.abandon(tenant, location, STEP_ROWS, allowed)
        deleted = await self.recipients.delete_location(tenant, location, STEP_ROWS - rows, allowed)
        if deleted.active:
            await revise(self.sync_states, tenant, lambda summary: _moved(summary, deletion.at, active=-deleted.active))
        rows += deleted.rows
        if rows:
            await self._count(tenant, location, rows)
        return rows

    async def _is_deleted(self, tenant: TenantId, location: LocationId) -> bool:
        return (await self.settings.find_location_deletion(tenant, location)).value is not None

    @optimistic_update
    async def _take_fence(self, tenant: TenantId, location: LocationId) -> None:
        """Fence off what has acquired the fence since, and erase what it says about the location."""
        fence, etag = await self.recipients.get_fence(tenant, location)
        empty = Fence(fencing_token=fence.fencing_token, sequence=fence.sequence)
        if (etag is None or fence != empty) and await self._is_deleted(tenant, location):
            await self.recipients.replace_fence(tenant, location, empty, etag)

    @optimistic_update
    async def _count(self, tenant: TenantId, location: LocationId, rows: int) -> None:
        deletion, etag = await self.settings.find_location_deletion(tenant, location)
        if deletion is not None and etag is not None:
            counted = msgspec.structs.replace(deletion, rows=deletion.rows + rows)
            await self.settings.replace_location_deletion(tenant, location, counted, etag)

    async def _nothing_left(self, tenant: TenantId, location: LocationId, etag: str) -> None:
        """Remove the mark of a location of which nothing was found since it had this ETag."""
        try:
            await self.settings.delete_location(tenant, location, etag)
        except ETagConflict:
            return  # another worker has found rows, or has removed the mark
        await self.forget(tenant, location)

    @optimistic_update
    async def forget(self, tenant: TenantId, location: LocationId) -> None:
        """Remove a location of which nothing is left from the tenant's state, so that the watchdog is done with it."""
        state, etag = await self.sync_states.get(tenant)
        if location not in state.erasing:
            return
        # read after the state, which a new deletion of this id changes after its mark
        if (await self.settings.find_location_deletion(tenant, location)).value is None:
            left = tuple(other for other in state.erasing if other != location)
            await self.sync_states.replace(tenant, msgspec.structs.replace(state, erasing=left), etag)


def _moved(summary: Summary, deleted_at: datetime, *, active: int) -> Summary:
    """Return the summary with another number of recipients, unless a sync since the deletion has counted them."""
    counted = summary.finished_at is not None and summary.finished_at > deleted_at
    return summary if counted else summary.moved(active)
