"""Configure: tenants, their preferences, locations and mappings. Every change ends what runs on the old ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from shared.domain.access.callers import AdminGrant, Admins
from shared.domain.access.tenants import TenantSummary
from shared.domain.connections.entra.guid import guid
from shared.domain.ids import LocationId, TenantId
from shared.domain.optimistic_locking import Condition, Expected, Part, Tagged, bound_to, expected, tag_of
from shared.domain.preferences.group_mapping import GroupMapping, Location
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Status
from shared.errors import NotFound, Rejected
from shared.ports.recipients import RecipientStore
from shared.ports.tenants import SettingsStore, SyncStateStore, TenantStore
from shared.workflows.connections.connect import Connect, RunningWork
from shared.workflows.optimistic_update import optimistic_update
from shared.workflows.pagination import page
from shared.workflows.tenants.deletion import Erasure
from shared.workflows.tenants.summary import revise

#: What one tenant may have; a run's plan must fit one row.
MAX_LOCATIONS: Final = 2_000
MAX_GROUPS_PER_LOCATION: Final = 200
MAX_NAME: Final = 200
MAX_ADMINS: Final = 200
MAX_LISTED: Final = 1_000


class LocationImports(Protocol):
    """The large imports of a location."""

    async def abandon(self, tenant: TenantId, location: LocationId) -> None:
        """End them and delete everything of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configure:
    """Changes a tenant's configuration."""

    tenants: TenantStore
    settings: SettingsStore
    sync_states: SyncStateStore
    recipients: RecipientStore
    erasure: Erasure
    connect: Connect
    running_work: RunningWork
    imports: LocationImports

    async def tag(self, tenant: TenantId, part: Part) -> str:
        """Return the tag of a part of the configuration. Read before the part itself, it is never newer than that."""
        return tag_of(await self.tenants.find_version(tenant, part), part, tenant)

    async def put_tenant(
        self, tenant: TenantId, name: str, condition: Condition | None = None
    ) -> tuple[Tagged[TenantSummary], bool]:
        """Leave a tenant with this name; return it with its tag, and whether it is new.

        Raises: ChangedMeanwhile; Conflict (`sweeping`) for the moment in which what is left of a deleted one of this
        id is erased.
        """
        summary = TenantSummary(id=tenant, name=_name(name))
        before = await self.tenants.find_version(tenant, Part.TENANT)
        found = expected(condition, before, Part.TENANT, tenant)
        if before is None:
            await self.erasure.make_way(tenant)
        with bound_to(found):
            etag = await self.tenants.put(summary, found)
        return Tagged(summary, tag_of(etag, Part.TENANT, tenant)), before is None

    async def tenant(self, tenant: TenantId) -> TenantSummary:
        """Return a tenant. Raises: NotFound."""
        return await self.tenants.get(tenant)

    async def all_tenants(self, after: str = "", limit: int = MAX_LISTED) -> tuple[list[TenantSummary], str | None]:
        """Return a page of the tenants behind an id, and the id to go on after; None at the end."""
        return await page(self.tenants.list_tenants(after), limit, lambda each: each.id)

    async def delete_tenant(self, tenant: TenantId, condition: Condition | None = None) -> None:
        """Leave nothing of the tenant in any table, nor its secret in Key Vault.

        The connection goes first, so that whatever is still running stops before its rows do; what a worker writes
        all the same is erased by the watchdog. Raises: NotFound, ChangedMeanwhile.
        """
        summary = await self.tenants.get(tenant)
        if condition is not None:  # written once more as it is: of two who saw this version one goes on
            found = expected(condition, await self.tenants.find_version(tenant, Part.TENANT), Part.TENANT, tenant)
            with bound_to(found):
                await self.tenants.put(summary, found)
        await self.erasure.begin(tenant)
        await self.connect.disconnect(tenant)
        await self.erasure.erase(tenant)

    async def admins(self, tenant: TenantId) -> Admins:
        """Return who may administer the tenant, besides operators. Raises: NotFound."""
        await self.tenants.get(tenant)
        return await self.settings.get_admins(tenant)

    async def put_admins(self, tenant: TenantId, admins: Admins, condition: Condition | None = None) -> Tagged[Admins]:
        """Leave exactly these to administer the tenant, besides operators, and return them with their tag.

        Raises: Rejected for what is no GUID; ChangedMeanwhile.
        """
        await self.tenants.get(tenant)
        if len(admins.people) > MAX_ADMINS:
            raise Rejected(f"Too many admins: a tenant has at most {MAX_ADMINS}.", code="too_many_admins")
        kept = Admins(
            azure_tenant_id=guid(admins.azure_tenant_id) if admins.azure_tenant_id else None,
            people=tuple(
                AdminGrant(azure_tenant_id=guid(each.azure_tenant_id), object_id=guid(each.object_id))
                for each in admins.people
            ),
        )
        found = await self._expected(tenant, Part.ADMINS, condition)
        with bound_to(found):
            etag = await self.settings.put_admins(tenant, kept, found)
        return Tagged(kept, tag_of(etag, Part.ADMINS, tenant))

    async def _expected(self, tenant: TenantId, part: Part, condition: Condition | None) -> Expected | None:
        if condition is None:
            return None
        return expected(condition, await self.tenants.find_version(tenant, part), part, tenant)

    async def preferences(self, tenant: TenantId) -> Preferences:
        """Return the tenant's preferences. Raises: NotFound."""
        await self.tenants.get(tenant)
        return await self.settings.get_preferences(tenant)

    async def put_preferences(
        self, tenant: TenantId, preferences: Preferences, condition: Condition | None = None
    ) -> Tagged[Preferences]:
        """Leave the preferences stored, and nothing running on other ones; return them with their tag.

        Raises: Rejected for what makes no sense; ChangedMeanwhile.
        """
        preferences.require_sense()
        await self.tenants.get(tenant)
        etag = await self.tenants.find_version(tenant, Part.PREFERENCES)
        found = expected(condition, etag, Part.PREFERENCES, tenant)
        changed = preferences != await self.preferences(tenant)
        if changed:
            preferences.require_places({each.id for each in await self.settings.list_locations(tenant)})
        if changed or (condition is not None and condition.new):
            with bound_to(found):
                etag = await self.settings.put_preferences(tenant, preferences, found)
        await self._settle(tenant, changed=changed)
        return Tagged(preferences, tag_of(etag, Part.PREFERENCES, tenant))

    async def _settle(self, tenant: TenantId, *, changed: bool) -> None:
        """Raise the config version after a change, and also without one while a run is active.

        That run may have begun before the same change, whose first request died between storing and advancing.
        """
        if changed or (await self.sync_states.get(tenant)).value.active_run is not None:
            await self.running_work.invalidate_running_work(tenant)

    async def locations(self, tenant: TenantId) -> Sequence[Location]:
        """Return the tenant's locations with their mappings. Raises: NotFound."""
        await self.tenants.get(tenant)
        return await self.settings.list_locations(tenant)

    async def location(self, tenant: TenantId, location: LocationId) -> Tagged[Location]:
        """Return one location with its tag. Raises: NotFound."""
        await self.tenants.get(tenant)
        found, etag = await self.settings.find_location(tenant, location)
        if found is None:
            raise _no_location(tenant, location)
        return Tagged(found, tag_of(etag, tenant, location))

    async def put_location(
        self, tenant: TenantId, location: LocationId, name: str, condition: Condition | None = None
    ) -> Tagged[Location]:
        """Leave a location with this name; return it with its tag.

        Raises: Rejected beyond MAX_LOCATIONS; ChangedMeanwhile.
        """
        known = {each.id: each for each in await self.locations(tenant)}
        if location not in known and len(known) >= MAX_LOCATIONS:
            raise Rejected(f"Too many locations: a tenant has at most {MAX_LOCATIONS}.", code="too_many_locations")
        name = _name(name)
        put = await self._put_location(tenant, location, name, condition)
        if location not in known:
            await self.running_work.invalidate_running_work(tenant)
        return put

    @optimistic_update
    async def _put_location(
        self, tenant: TenantId, location: LocationId, name: str, condition: Condition | None
    ) -> Tagged[Location]:
        """Store the name; what is returned is one version, groups and all, whoever maps groups at the same time."""
        before, seen = await self.settings.find_location(tenant, location)
        found = expected(condition, seen, tenant, location)
        with bound_to(found):
            etag = await self.settings.put_location(tenant, location, name, found or Expected(seen))
        groups = before.groups if before is not None else ()
        return Tagged(Location(id=location, name=name, groups=groups), tag_of(etag, tenant, location))

    async def delete_location(self, tenant: TenantId, location: LocationId, condition: Condition | None = None) -> None:
        """Leave neither the location nor anything of its recipients and imports. Raises: NotFound, ChangedMeanwhile.

        The config version rises while the location is still listed, because only then is its fence raised, which
        stops who writes there now; and again afterwards, for a run that was planned in between. The recipients are
        erased before the location is forgotten, so that a request that died on the way can be sent again.
        """
        name = (await self.location(tenant, location)).value.name
        if condition is not None:  # written once more as it is: of two who saw this version one goes on
            await self._put_location(tenant, location, name, condition)
        await self.running_work.invalidate_running_work(tenant)
        await self.imports.abandon(tenant, location)
        people = [each.status async for each in self.recipients.list_recipients(tenant, location)].count(Status.ACTIVE)
        await self.recipients.delete_location(tenant, location)
        await self.settings.delete_location(tenant, location)
        await self.running_work.invalidate_running_work(tenant)
        await self.imports.abandon(tenant, location)
        await self.recipients.delete_location(tenant, location)
        await revise(self.sync_states, tenant, lambda known: known.moved(-people))

    async def put_mapping(
        self,
        tenant: TenantId,
        location: LocationId,
        groups: Sequence[GroupMapping],
        condition: Condition | None = None,
    ) -> Tagged[Sequence[GroupMapping]]:
        """Leave exactly these groups mapped to a location, and nothing running on another mapping.

        Returns them with the location's tag. Raises: NotFound, Rejected, ChangedMeanwhile.
        """
        if len({group.id for group in groups}) != len(groups):
            raise Rejected("A group is listed twice: list each group once.", code="duplicate_group")
        if len(groups) > MAX_GROUPS_PER_LOCATION:
            raise Rejected(
                f"Too many groups: map at most {MAX_GROUPS_PER_LOCATION} to a location, or nest them in one group.",
                code="too_many_groups",
            )
        wanted = tuple(sorted(groups, key=lambda each: each.id))
        await self.tenants.get(tenant)
        before, etag = await self.settings.find_location(tenant, location)
        if before is None:
            raise _no_location(tenant, location)
        found = expected(condition, etag, tenant, location)
        changed = wanted != before.groups
        if changed:
            with bound_to(found):
                etag = await self.settings.put_mapping(tenant, location, wanted, found)
        await self._settle(tenant, changed=changed)
        return Tagged(wanted, tag_of(etag, tenant, location))


def _no_location(tenant: TenantId, location: LocationId) -> NotFound:
    return NotFound(f"Location {location!r} does not exist in tenant {tenant!r}.", code="location_not_found")


def _name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Rejected(f"Invalid name: use 1 to {MAX_NAME} printable characters.", code="invalid_name")
    return name
