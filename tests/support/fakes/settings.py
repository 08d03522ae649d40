"""What admins choose, in memory."""

from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec

from shared.domain.access.callers import Admins
from shared.domain.connections.connection import SsoApplication
from shared.domain.deletion import LocationDeletion
from shared.domain.ids import LocationId, TenantId
from shared.domain.optimistic_locking import Expected, Part
from shared.domain.preferences.group_mapping import GroupMapping, Location
from shared.domain.preferences.preferences import Preferences
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict, NotFound
from tests.support.fakes.tenant_rows import FakeTenantRows


class FakeSettingsStore:
    """`SettingsStore` in dicts."""

    def __init__(self, rows: FakeTenantRows) -> None:
        self.rows = rows

    async def get_preferences(self, tenant: TenantId) -> Preferences:
        """Return the tenant's preferences, the defaults if they were never stored."""
        return self.rows.preferences.value(tenant) or Preferences()

    async def put_preferences(
        self, tenant: TenantId, preferences: Preferences, expected: Expected | None = None
    ) -> str:
        """Store preferences and return their ETag. Raises: ETagConflict unless they had the expected ETag."""
        return self.rows.put(tenant, Part.PREFERENCES, preferences, expected)

    async def get_admins(self, tenant: TenantId) -> Admins:
        """Return the tenant's admins, an empty list if they were never stored."""
        return self.rows.admins.value(tenant) or Admins()

    async def list_admins(self) -> AsyncIterator[tuple[TenantId, Admins]]:
        """Iterate over the tenants whose admins were ever stored, with these."""
        for tenant, admins in sorted(self.rows.admins.items()):
            yield tenant, admins

    async def put_admins(self, tenant: TenantId, admins: Admins, expected: Expected | None = None) -> str:
        """Store the admins and return their ETag. Raises: ETagConflict unless they had the expected ETag."""
        return self.rows.put(tenant, Part.ADMINS, admins, expected)

    async def find_sso(self, tenant: TenantId) -> SsoApplication | None:
        """Return the tenant's sign-in application, None if it has none."""
        return self.rows.sso.value(tenant)

    async def put_sso(self, tenant: TenantId, sso: SsoApplication, expected: Expected | None = None) -> str:
        """Store the sign-in application and return its ETag.

        Raises: ETagConflict unless the stored one has the expected ETag.
        """
        return self.rows.put(tenant, Part.SSO, sso, expected)

    async def delete_sso(self, tenant: TenantId, expected: Expected | None = None) -> None:
        """Delete the sign-in application, if it exists. Raises: ETagConflict unless it has the expected ETag."""
        self.rows.delete(tenant, Part.SSO, expected)

    async def list_locations(self, tenant: TenantId) -> Sequence[Location]:
        """Return all locations by id, with their mappings."""
        own = [location for (owner, _), location in self.rows.locations.items() if owner == tenant]
        return sorted(own, key=lambda location: location.id)

    async def find_location(self, tenant: TenantId, location: LocationId) -> Versioned[Location | None]:
        """Return a location with its mapping, None with ETag None if it does not exist."""
        found = self.rows.locations.find((tenant, location))
        return Versioned(None, None) if found is None else Versioned(found.value, found.etag)

    async def put_location(
        self, tenant: TenantId, location: LocationId, name: str, expected: Expected | None = None
    ) -> str:
        """Create or rename a location and return its new ETag; its mapping stays.

        Raises: ETagConflict unless the stored one has the expected ETag.
        """
        if self.rows.location_deletions.find((tenant, location)) is not None:
            raise ETagConflict("The location is being deleted.")
        if expected is not None:
            self.rows.locations.require((tenant, location), expected.etag)
        before = self.rows.locations.value((tenant, location)) or Location(id=location, name=name)
        return self.rows.locations.put((tenant, location), msgspec.structs.replace(before, name=name))

    async def put_mapping(
        self,
        tenant: TenantId,
        location: LocationId,
        groups: Sequence[GroupMapping],
        expected: Expected | None = None,
    ) -> str:
        """Store all groups of a location in place of the previous ones, and return the location's new ETag.

        Raises: NotFound for an unknown location; ETagConflict unless the stored one has the expected ETag.
        """
        before = self._known(tenant, location, expected)
        by_id = {group.id: group for group in groups}
        mapping = tuple(by_id[group] for group in sorted(by_id))
        return self.rows.locations.put((tenant, location), msgspec.structs.replace(before, groups=mapping))

    async def put_columns(
        self,
        tenant: TenantId,
        location: LocationId,
        columns: Mapping[str, str | None],
        expected: Expected | None = None,
    ) -> str:
        """Replace the columns that a location remembers and return the location's new ETag. Raises as `put_mapping`."""
        before = self._known(tenant, location, expected)
        return self.rows.locations.put((tenant, location), msgspec.structs.replace(before, columns=dict(columns)))

    def _known(self, tenant: TenantId, location: LocationId, expected: Expected | None) -> Location:
        """Return a location to change. Raises as `put_mapping`."""
        before = self.rows.locations.value((tenant, location))
        if expected is not None and (before is None or expected.etag is None):
            raise ETagConflict("The location does not exist.")
        if expected is not None:
            self.rows.locations.require((tenant, location), expected.etag)
        if before is None:
            raise NotFound(f"Tenant {tenant!r} has no location {location!r}.", code="location_not_found")
        return before

    async def find_location_deletion(
        self, tenant: TenantId, location: LocationId
    ) -> Versioned[LocationDeletion | None]:
        """Return the deletion of a location of which rows are left; None with ETag None for any other location."""
        found = self.rows.location_deletions.find((tenant, location))
        return Versioned(None, None) if found is None else Versioned(found.value, found.etag)

    async def replace_location_deletion(
        self, tenant: TenantId, location: LocationId, deletion: LocationDeletion, etag: str
    ) -> str:
        """Put a deletion in the place of a location, and return its ETag. Raises: ETagConflict."""
        place = (tenant, location)
        if self.rows.locations.find(place) is None:
            return self.rows.location_deletions.replace(place, deletion, etag)
        self.rows.locations.require(place, etag)
        self.rows.locations.delete(place)
        return self.rows.location_deletions.put(place, deletion)

    async def delete_location(self, tenant: TenantId, location: LocationId, etag: str | None = None) -> None:
        """Delete a location or its deletion, if there is one. Raises: ETagConflict unless it has the ETag, if given."""
        for rows in (self.rows.locations, self.rows.location_deletions):
            if etag is not None and rows.find((tenant, location)) is not None:
                rows.require((tenant, location), etag)
            rows.delete((tenant, location))
