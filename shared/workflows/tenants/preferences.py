"""Preferences: the settings of a whole tenant."""

from contextlib import nullcontext

import msgspec

from shared.domain.ids import TenantId
from shared.domain.optimistic_locking import Condition, Part, Replaced, Tagged, bound_to, expected, tag_of
from shared.domain.preferences.preferences import Preferences
from shared.domain.versioned import Versioned
from shared.ports.tenants import SettingsStore, SyncStateStore, TenantStore
from shared.workflows.connections.connect import RunningWork
from shared.workflows.tenants.restart import restart_runs
from shared.workflows.verified_read import verified


class TenantPreferences(msgspec.Struct, frozen=True, kw_only=True):
    """Changes a tenant's preferences. A change ends what runs on the previous ones."""

    tenants: TenantStore
    settings: SettingsStore
    sync_states: SyncStateStore
    running_work: RunningWork

    async def get(self, tenant: TenantId) -> Tagged[Preferences]:
        """Return the tenant's preferences with their tag. Raises NotFound if the tenant does not exist."""
        preferences, etag = await self._stored(tenant)
        return Tagged(preferences, tag_of(etag, Part.PREFERENCES, tenant))

    async def _stored(self, tenant: TenantId) -> Versioned[Preferences]:
        reading = self.tenants.find_part(tenant, Part.PREFERENCES, Preferences)
        stored, etag = await verified(self.tenants.get(tenant), reading)
        return Versioned(stored or Preferences(), etag)

    async def put(
        self, tenant: TenantId, preferences: Preferences, condition: Condition | None = None
    ) -> Replaced[Preferences]:
        """Store the preferences, and return them with their tag and the previous ones.

        A sync that uses other preferences is restarted.

        Raises:
            NotFound: The tenant does not exist.
            Rejected: A value is invalid, or the location rule names a location that does not exist.
            ChangedMeanwhile: The stored version is not the required one.
        """
        preferences.require_sense()
        before, etag = await self._stored(tenant)
        version = expected(condition, etag, Part.PREFERENCES, tenant)
        changed = preferences != before
        if changed:
            preferences.require_places({location.id for location in await self.settings.list_locations(tenant)})
        async with self.running_work.changing(tenant) if changed else nullcontext():
            if changed or (condition is not None and condition.new):
                with bound_to(version):
                    etag = await self.settings.put_preferences(tenant, preferences, version)
        if not changed:
            await restart_runs(self.running_work, self.sync_states, tenant)
        return Replaced(preferences, tag_of(etag, Part.PREFERENCES, tenant), before)
