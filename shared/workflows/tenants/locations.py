"""Locations and the groups that are mapped to them."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Final

import msgspec

from shared.domain.deletion import LocationDeletion
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.imports.columns import ColumnMapping, require_columns
from shared.domain.optimistic_locking import Condition, Expected, Tagged, bound_to, expected, tag_of
from shared.domain.preferences.group_mapping import GroupMapping, Location
from shared.errors import NotFound, Rejected
from shared.ports.tenants import SettingsStore, SyncStateStore, TenantStore
from shared.runtime.optimistic_update import optimistic_update
from shared.workflows.connections.connect import RunningWork
from shared.workflows.tenants.deletion import IN_REQUEST_S
from shared.workflows.tenants.location_deletion import LocationErasure
from shared.workflows.tenants.names import valid_name
from shared.workflows.tenants.restart import restart_runs
from shared.workflows.verified_read import verified

#: Maximum number of locations of a tenant; a run's plan must fit one row.
MAX_LOCATIONS: Final = 2_000
#: Maximum number of groups that are mapped to a location, for the same reason.
MAX_GROUPS_PER_LOCATION: Final = 200
#: Maximum length of their ids together, in characters: a property of 64 KiB holds a mapping, or a recipient's groups.
MAX_GROUP_CHARACTERS: Final = 12_000


class Locations(msgspec.Struct, frozen=True, kw_only=True):
    """Changes a tenant's locations and their mappings. A change ends what runs on the previous ones."""

    tenants: TenantStore
    settings: SettingsStore
    sync_states: SyncStateStore
    deletion: LocationErasure
    running_work: RunningWork

    async def list_all(self, tenant: TenantId) -> Sequence[Location]:
        """Return the tenant's locations with their mappings. Raises NotFound if the tenant does not exist."""
        return await verified(self.tenants.get(tenant), self.settings.list_locations(tenant))

    async def get(self, tenant: TenantId, location: LocationId) -> Tagged[Location]:
        """Return one location with its tag. Raises NotFound if the tenant or the location does not exist."""
        reading = self.settings.find_location(tenant, location)
        stored, etag = await verified(self.tenants.get(tenant), reading)
        if stored is None:
            raise _no_location(tenant, location)
        return Tagged(stored, tag_of(etag, tenant, location))

    async def put(
        self, tenant: TenantId, location: LocationId, name: str, condition: Condition | None = None
    ) -> Tagged[Location]:
        """Create or rename a location, and return it with its tag.

        Raises:
            NotFound: The tenant does not exist.
            Rejected: The name is invalid, or the tenant would have more than `MAX_LOCATIONS`.
            ChangedMeanwhile: The stored version is not the required one.
            BeingErased: A deleted location with this id is being erased.
        """
        await self.running_work.complete(tenant)  # an interrupted deletion must not delete the new location
        existing = {stored.id for stored in await self.list_all(tenant)}
        if location not in existing and len(existing) >= MAX_LOCATIONS:
            raise Rejected(f"Too many locations: a tenant has at most {MAX_LOCATIONS}.", code="too_many_locations")
        name = valid_name(name)
        if location not in existing:
            expected(condition, None, tenant, location)  # before the change of configuration begins
            await self.deletion.advance(tenant, location, IN_REQUEST_S)
            await self.deletion.require_none(tenant, location)
        async with nullcontext() if location in existing else self.running_work.changing(tenant):
            return await self._put(tenant, location, name, condition)

    @optimistic_update
    async def _put(
        self, tenant: TenantId, location: LocationId, name: str, condition: Condition | None
    ) -> Tagged[Location]:
        """Store the name. Return one version of name and groups, also if the groups change at the same time."""
        before, etag_before = await self.settings.find_location(tenant, location)
        version = expected(condition, etag_before, tenant, location)
        if before is None:
            await self.deletion.require_none(tenant, location)  # a deletion can have begun since
        with bound_to(version):
            etag = await self.settings.put_location(tenant, location, name, version or Expected(etag_before))
        put = msgspec.structs.replace(before or Location(id=location, name=name), name=name)
        return Tagged(put, tag_of(etag, tenant, location))

    async def delete(
        self, tenant: TenantId, location: LocationId, condition: Condition | None = None
    ) -> LocationDeletion | None:
        """Delete the location with its recipients and imports. Return the progress; None if nothing is left.

        After `IN_REQUEST_S`, the watchdog deletes the rest. A repeated request completes an interrupted one, and goes
        on with the rest.

        Raises:
            NotFound: The tenant or the location does not exist.
            ChangedMeanwhile: The stored version is not the required one.
        """
        change = (await self.sync_states.get(tenant)).value.change
        if change is not None and location in change.deleted:
            await self.running_work.complete(tenant)
        elif (await self.settings.find_location_deletion(tenant, location)).value is None:
            await self._begin_deletion(tenant, location, condition)
        return await self.deletion.advance(tenant, location, IN_REQUEST_S)

    async def _begin_deletion(self, tenant: TenantId, location: LocationId, condition: Condition | None) -> None:
        name = (await self.get(tenant, location)).value.name
        if condition is not None:
            # Stored again unchanged: of two requests that require this version, only one continues.
            await self._put(tenant, location, name, condition)
        await self.running_work.delete_location(tenant, location)

    async def put_mapping(
        self,
        tenant: TenantId,
        location: LocationId,
        groups: Sequence[GroupMapping],
        condition: Condition | None = None,
    ) -> Tagged[Sequence[GroupMapping]]:
        """Map exactly these groups to a location, and return them with the location's tag.

        A sync that uses another mapping is restarted.

        Raises:
            NotFound: The tenant or the location does not exist.
            Rejected: A group is listed twice, or there are more than `MAX_GROUPS_PER_LOCATION`.
            ChangedMeanwhile: The stored version is not the required one.
        """
        if len({group.id for group in groups}) != len(groups):
            raise Rejected("A group is listed twice: list each group once.", code="duplicate_group")
        if len(groups) > MAX_GROUPS_PER_LOCATION:
            raise Rejected(
                f"Too many groups: map at most {MAX_GROUPS_PER_LOCATION} to a location, or nest them in one group.",
                code="too_many_groups",
            )
        if sum(len(group.id) for group in groups) > MAX_GROUP_CHARACTERS:
            raise Rejected(
                f"The IDs of these groups have more than {MAX_GROUP_CHARACTERS} characters together: map fewer groups "
                "to the location, or nest them in one group.",
                code="too_many_groups",
            )
        mapping = tuple(sorted(groups, key=lambda group: group.id))
        await self.tenants.get(tenant)
        before, etag = await self.settings.find_location(tenant, location)
        if before is None:
            raise _no_location(tenant, location)
        version = expected(condition, etag, tenant, location)
        changed = mapping != before.groups
        if changed:
            async with self.running_work.changing(tenant):
                with bound_to(version):
                    etag = await self.settings.put_mapping(tenant, location, mapping, version)
        else:
            await restart_runs(self.running_work, self.sync_states, tenant)
        return Tagged(mapping, tag_of(etag, tenant, location))

    async def remove_group(self, tenant: TenantId, group: ObjectId) -> None:
        """Remove a group from the mappings of all locations. A sync that uses them is restarted.

        Raises:
            NotFound: The tenant does not exist.
            Contended: Other changes of a mapping came first at every attempt.
        """
        async with self.running_work.changing(tenant):
            for location in await self.list_all(tenant):
                if any(mapping.id == group for mapping in location.groups):
                    await self._remove_group(tenant, location.id, group)

    @optimistic_update
    async def _remove_group(self, tenant: TenantId, location: LocationId, group: ObjectId) -> None:
        stored, etag = await self.settings.find_location(tenant, location)
        if stored is not None:
            await self.settings.put_mapping(tenant, location, stored.without(group).groups, Expected(etag))

    async def put_columns(
        self,
        tenant: TenantId,
        location: LocationId,
        columns: ColumnMapping,
        condition: Condition | None = None,
    ) -> Tagged[ColumnMapping]:
        """Replace the columns that a location remembers for imports, and return them with the location's tag.

        Raises:
            NotFound: The tenant or the location does not exist.
            Rejected: A field does not exist, or there are too many columns.
            ChangedMeanwhile: The stored version is not the required one.
        """
        require_columns(columns, "invalid_body")
        await self.tenants.get(tenant)
        before, etag = await self.settings.find_location(tenant, location)
        if before is None:
            raise _no_location(tenant, location)
        version = expected(condition, etag, tenant, location)
        if columns != before.columns:
            with bound_to(version):
                etag = await self.settings.put_columns(tenant, location, columns, version)
        return Tagged(columns, tag_of(etag, tenant, location))


def _no_location(tenant: TenantId, location: LocationId) -> NotFound:
    return NotFound(f"Location {location!r} does not exist in tenant {tenant!r}.", code="location_not_found")
