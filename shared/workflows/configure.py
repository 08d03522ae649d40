"""Configure: tenants, their preferences, locations and mappings. Every change ends what runs on the old ones."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.callers import AdminGrant, Admins
from shared.domain.ids import LocationId, TenantId, object_id
from shared.domain.mapping import GroupMapping, Location
from shared.domain.preferences import Preferences
from shared.erasure import Erasure
from shared.errors import NotFound, Rejected
from shared.ports import RecipientStore, TenantStore, TenantSummary

#: What one tenant may have; a run's plan must fit one row.
MAX_LOCATIONS: Final = 2_000
MAX_GROUPS_PER_LOCATION: Final = 200
MAX_NAME: Final = 200
MAX_ADMINS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Configure:
    """Changes a tenant's configuration."""

    tenants: TenantStore
    recipients: RecipientStore
    erasure: Erasure
    disconnect: Callable[[TenantId], Awaitable[None]]
    advance_epoch: Callable[[TenantId], Awaitable[None]]
    abandon_imports: Callable[[TenantId, LocationId], Awaitable[None]]

    async def put_tenant(self, tenant: TenantId, name: str) -> tuple[TenantSummary, bool]:
        """Leave a tenant with this name; return it, and whether it is new.

        Raises: Conflict (`sweeping`) for the moment in which what is left of a deleted one of this id is erased.
        """
        summary = TenantSummary(id=tenant, name=_name(name))
        try:
            await self.tenants.get(tenant)
            new = False
        except NotFound:
            new = True
            await self.erasure.make_way(tenant)
        await self.tenants.put(summary)
        return summary, new

    async def tenant(self, tenant: TenantId) -> TenantSummary:
        """Return a tenant. Raises: NotFound."""
        return await self.tenants.get(tenant)

    async def all_tenants(self) -> list[TenantSummary]:
        """Return all tenants by id."""
        return [each async for each in self.tenants.all()]

    async def delete_tenant(self, tenant: TenantId) -> None:
        """Leave nothing of the tenant in any table, nor its secret in Key Vault.

        The connection goes first, so that whatever is still running stops before its rows do; what a worker writes
        all the same is erased by the watchdog. Raises: NotFound.
        """
        await self.tenants.get(tenant)
        await self.erasure.begin(tenant)
        await self.disconnect(tenant)
        await self.erasure.erase(tenant)

    async def admins(self, tenant: TenantId) -> Admins:
        """Return who may administer the tenant, besides operators. Raises: NotFound."""
        await self.tenants.get(tenant)
        return await self.tenants.admins(tenant)

    async def put_admins(self, tenant: TenantId, admins: Admins) -> Admins:
        """Leave exactly these to administer the tenant, besides operators. Raises: Rejected for what is no GUID."""
        await self.tenants.get(tenant)
        if len(admins.people) > MAX_ADMINS:
            raise Rejected(f"A tenant has at most {MAX_ADMINS} granted people.", code="too_many_admins")
        kept = Admins(
            azure_tenant_id=object_id(admins.azure_tenant_id) if admins.azure_tenant_id else None,
            people=tuple(
                AdminGrant(azure_tenant_id=object_id(each.azure_tenant_id), object_id=object_id(each.object_id))
                for each in admins.people
            ),
        )
        await self.tenants.put_admins(tenant, kept)
        return kept

    async def preferences(self, tenant: TenantId) -> Preferences:
        """Return the tenant's preferences. Raises: NotFound."""
        await self.tenants.get(tenant)
        return await self.tenants.preferences(tenant)

    async def put_preferences(self, tenant: TenantId, preferences: Preferences) -> Preferences:
        """Leave the preferences stored, and nothing running on other ones. Raises: Rejected for what makes no sense."""
        preferences.require_sense()
        changed = preferences != await self.preferences(tenant)
        if changed:
            known = {each.id for each in await self.tenants.locations(tenant)}
            preferences.require_places(known)
        if changed:
            await self.tenants.put_preferences(tenant, preferences)
        await self._settle(tenant, changed=changed)
        return preferences

    async def _settle(self, tenant: TenantId, *, changed: bool) -> None:
        """Advance the epoch after a change, and also without one while a run is active.

        That run may have begun before the same change, whose first request died between storing and advancing.
        """
        if changed or (await self.tenants.state(tenant)).value.active_run is not None:
            await self.advance_epoch(tenant)

    async def locations(self, tenant: TenantId) -> Sequence[Location]:
        """Return the tenant's locations with their mappings. Raises: NotFound."""
        await self.tenants.get(tenant)
        return await self.tenants.locations(tenant)

    async def location(self, tenant: TenantId, location: LocationId) -> Location:
        """Return one location. Raises: NotFound."""
        for each in await self.locations(tenant):
            if each.id == location:
                return each
        raise NotFound(f"Tenant {tenant!r} has no location {location!r}.", code="location_not_found")

    async def put_location(self, tenant: TenantId, location: LocationId, name: str) -> Location:
        """Leave a location with this name. Raises: Rejected beyond MAX_LOCATIONS."""
        known = {each.id for each in await self.locations(tenant)}
        if location not in known and len(known) >= MAX_LOCATIONS:
            raise Rejected(f"A tenant has at most {MAX_LOCATIONS} locations.", code="too_many_locations")
        await self.tenants.put_location(tenant, location, _name(name))
        if location not in known:
            await self.advance_epoch(tenant)
        return await self.location(tenant, location)

    async def delete_location(self, tenant: TenantId, location: LocationId) -> None:
        """Leave neither the location nor anything of its recipients and imports. Raises: NotFound.

        The epoch advances while the location is still listed, because only then is its fence raised, which stops who
        writes there now; and again afterwards, for a run that was planned in between. The recipients are erased
        before the location is forgotten, so that a request that died on the way can be sent again.
        """
        await self.location(tenant, location)
        for _ in range(2):
            await self.advance_epoch(tenant)
            await self.abandon_imports(tenant, location)
            await self.recipients.erase(tenant, location)
            await self.tenants.delete_location(tenant, location)

    async def put_mapping(
        self, tenant: TenantId, location: LocationId, groups: Sequence[GroupMapping]
    ) -> Sequence[GroupMapping]:
        """Leave exactly these groups mapped to a location, and nothing running on another mapping."""
        if len({group.id for group in groups}) != len(groups):
            raise Rejected("A group is named twice; name each group once.", code="duplicate_group")
        if len(groups) > MAX_GROUPS_PER_LOCATION:
            raise Rejected(
                f"At most {MAX_GROUPS_PER_LOCATION} groups can be mapped to one location; nest them in one group.",
                code="too_many_groups",
            )
        wanted = tuple(sorted(groups, key=lambda each: each.id))
        changed = wanted != (await self.location(tenant, location)).groups
        if changed:
            await self.tenants.put_mapping(tenant, location, wanted)
        await self._settle(tenant, changed=changed)
        return wanted


def _name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Rejected(f"A name has 1 to {MAX_NAME} printable characters.", code="invalid_name")
    return name
