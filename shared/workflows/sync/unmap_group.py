"""Unmap group: removes a group that the directory has refused for a week from all locations, and starts a sync."""

from collections.abc import Sequence

import msgspec

from shared.domain.ids import ObjectId, SourceId, TenantId
from shared.domain.preferences.group_mapping import Location
from shared.domain.run import Run, RunMode
from shared.domain.unread_source import UNMAPPED_AFTER
from shared.errors import NotFound, Rejected
from shared.ports.platform import Clock
from shared.ports.tenants import SyncStateStore
from shared.telemetry import event
from shared.workflows.sync.request_run import RequestRun
from shared.workflows.tenants.locations import Locations


class UnmapGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Gives up a group that cannot be read. Its people leave under the guard, unless another source names them."""

    locations: Locations
    sync_states: SyncStateStore
    request_run: RequestRun
    clock: Clock

    async def __call__(self, tenant: TenantId, group: ObjectId, by: str) -> Run:
        """Remove the group from the mappings of all locations, start a sync, and return it.

        Raises:
            NotFound: The tenant does not exist, or does not map the group (`group_not_mapped`).
            Rejected: The group was read within `UNMAPPED_AFTER` (`group_not_refused`), or the connection is off
                (`not_connected`).
            Contended: Other changes of a mapping came first at every attempt.
        """
        await self._require_refused(tenant, group)
        await self.locations.remove_group(tenant, group)
        started = await self.request_run(tenant, RunMode.INCREMENTAL, by)
        event("unmapped", tenant=tenant, run=started.id, by=by)
        return started

    async def preview(self, tenant: TenantId, group: ObjectId, by: str) -> Run:
        """Start a preview of the sync that would follow, and return it.

        Raises:
            NotFound: As above.
            Rejected: As above.
            Conflict: A run is active (`run_active`).
        """
        await self._require_refused(tenant, group)
        return await self.request_run.preview(tenant, RunMode.INCREMENTAL, None, by, unmapped=group)

    async def _require_refused(self, tenant: TenantId, group: ObjectId) -> None:
        mapped = _sources(await self.locations.list_all(tenant), group)
        if not mapped:
            raise NotFound("This group is not mapped to a location.", code="group_not_mapped")
        unread = (await self.sync_states.get(tenant)).value.unread
        now = self.clock.now()
        if not any(source in unread and unread[source].can_be_unmapped(now) for source in mapped):
            raise Rejected(
                f"The directory has not refused this group for {UNMAPPED_AFTER.days} days. Edit the groups of its "
                "locations instead.",
                code="group_not_refused",
            )


def _sources(locations: Sequence[Location], group: ObjectId) -> set[SourceId]:
    return {mapping.source().id for location in locations for mapping in location.groups if mapping.id == group}
