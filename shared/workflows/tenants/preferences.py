"""What an admin chooses for the whole tenant."""

from dataclasses import dataclass

from shared.domain.ids import TenantId
from shared.domain.optimistic_locking import Condition, Part, Tagged, bound_to, expected, tag_of
from shared.domain.preferences.preferences import Preferences
from shared.ports.tenants import SettingsStore, SyncStateStore, TenantStore
from shared.workflows.connections.connect import RunningWork
from shared.workflows.tenants.restart import restart_runs


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantPreferences:
    """Changes a tenant's preferences. A change ends what runs on the previous ones."""

    tenants: TenantStore
    settings: SettingsStore
    sync_states: SyncStateStore
    running_work: RunningWork

    async def get(self, tenant: TenantId) -> Preferences:
        """Return the tenant's preferences. Raises: NotFound."""
        await self.tenants.get(tenant)
        return await self.settings.get_preferences(tenant)

    async def put(
        self, tenant: TenantId, preferences: Preferences, condition: Condition | None = None
    ) -> Tagged[Preferences]:
        """Store the preferences, restart the sync that runs on other ones, and return them with their tag.

        Raises: Rejected for contradictory values; ChangedMeanwhile.
        """
        preferences.require_sense()
        await self.tenants.get(tenant)
        etag = await self.tenants.find_version(tenant, Part.PREFERENCES)
        found = expected(condition, etag, Part.PREFERENCES, tenant)
        changed = preferences != await self.get(tenant)
        if changed:
            preferences.require_places({location.id for location in await self.settings.list_locations(tenant)})
        if changed or (condition is not None and condition.new):
            with bound_to(found):
                etag = await self.settings.put_preferences(tenant, preferences, found)
        await restart_runs(self.running_work, self.sync_states, tenant, changed=changed)
        return Tagged(preferences, tag_of(etag, Part.PREFERENCES, tenant))
