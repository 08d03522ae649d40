"""Settings of tenants: preferences, locations with their mappings, admins and the sign-in application."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from shared.adapters.stores.account_placement import TenantTables
from shared.adapters.stores.table_names import LOCATIONS, TENANTS
from shared.adapters.stores.tenant_rows import TenantRows, etag_of
from shared.adapters.stores.unreadable_rows import readable
from shared.adapters.tables.client import Tables
from shared.adapters.tables.packing import decoding, unpack
from shared.adapters.tables.unknown_fields import without_unknown
from shared.domain.access.callers import Admins
from shared.domain.connections.connection import SsoApplication
from shared.domain.deletion import LocationDeletion
from shared.domain.ids import LocationId, TenantId
from shared.domain.optimistic_locking import Expected, Part
from shared.domain.preferences.group_mapping import GroupMapping, Location
from shared.domain.preferences.preferences import Preferences
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict, NotFound
from shared.runtime.optimistic_update import optimistic_update

_NO_GROUPS: Final = "[]"


class TableSettingsStore:
    """`SettingsStore` on the tables Tenants and Locations. Locations are in the tenant's account."""

    def __init__(self, tables: Tables, accounts: TenantTables | None = None) -> None:
        self._tables = tables
        self._rows = TenantRows(tables)
        self._accounts = accounts or tables

    async def get_preferences(self, tenant: TenantId) -> Preferences:
        """Return the tenant's preferences; the defaults if they were never stored."""
        return await self._rows.find(tenant, "preferences", Preferences) or Preferences()

    async def put_preferences(
        self, tenant: TenantId, preferences: Preferences, expected: Expected | None = None
    ) -> str:
        """Store preferences and return their ETag. Raises ETagConflict unless they had the expected ETag."""
        return await self._rows.put(tenant, Part.PREFERENCES, preferences, expected)

    async def get_admins(self, tenant: TenantId) -> Admins:
        """Return the tenant's admins; an empty list if they were never stored."""
        return await self._rows.find(tenant, "admins", Admins) or Admins()

    async def list_admins(self) -> AsyncIterator[tuple[TenantId, Admins]]:
        """Iterate over the tenants with stored admins, and these admins."""
        rows = self._tables.query(TENANTS, row="admins")
        async for stored in readable(
            self._tables, TENANTS, rows, lambda row: (TenantId(row["PartitionKey"]), unpack(row, Admins))
        ):
            yield stored

    async def put_admins(self, tenant: TenantId, admins: Admins, expected: Expected | None = None) -> str:
        """Store the admins and return their ETag. Raises ETagConflict unless they had the expected ETag."""
        return await self._rows.put(tenant, Part.ADMINS, admins, expected)

    async def find_sso(self, tenant: TenantId) -> SsoApplication | None:
        """Return the tenant's sign-in application; None if it is not set."""
        return await self._rows.find(tenant, "sso", SsoApplication)

    async def put_sso(self, tenant: TenantId, sso: SsoApplication, expected: Expected | None = None) -> str:
        """Store the sign-in application and return its ETag.

        Raises ETagConflict unless the stored one has the expected ETag.
        """
        return await self._rows.put(tenant, Part.SSO, sso, expected)

    async def delete_sso(self, tenant: TenantId, expected: Expected | None = None) -> None:
        """Delete the sign-in application, if it exists. Raises ETagConflict unless it has the expected ETag."""
        await self._rows.delete(tenant, Part.SSO, expected)

    async def list_locations(self, tenant: TenantId) -> Sequence[Location]:
        """Return all locations with their mappings, sorted by id."""
        tables = await self._accounts.of(tenant)
        return [_location(row) async for row in tables.query(LOCATIONS, partition=tenant) if "erasedAt" not in row]

    async def find_location(self, tenant: TenantId, location: LocationId) -> Versioned[Location | None]:
        """Return a location with its mapping; None with ETag None if it does not exist."""
        tables = await self._accounts.of(tenant)
        row = await tables.find(LOCATIONS, tenant, location)
        if row is None or "erasedAt" in row:
            return Versioned(None, None)
        return Versioned(_location(row), etag_of(row))

    async def put_location(
        self, tenant: TenantId, location: LocationId, name: str, expected: Expected | None = None
    ) -> str:
        """Create or rename a location and return its new ETag. An existing mapping is kept.

        Raises ETagConflict unless the stored one has the expected ETag.
        """
        tables = await self._accounts.of(tenant)
        row = {"PartitionKey": tenant, "RowKey": location, "name": name}
        if expected is None:
            return await _merge(tables, row, {**row, "groups": _NO_GROUPS})
        if expected.etag is None:
            return await tables.replace(LOCATIONS, {**row, "groups": _NO_GROUPS}, None)
        return await tables.merge(LOCATIONS, row, expected.etag)

    async def put_mapping(
        self,
        tenant: TenantId,
        location: LocationId,
        groups: Sequence[GroupMapping],
        expected: Expected | None = None,
    ) -> str:
        """Replace the mapped groups of a location and return the location's new ETag.

        Raises:
            NotFound: if the location does not exist.
            ETagConflict: unless the location has the expected ETag.

        """
        by_id = {group.id: group for group in groups}
        text = msgspec.json.encode([by_id[group] for group in sorted(by_id)]).decode()
        return await self._change(tenant, location, {"groups": text}, expected)

    async def put_columns(
        self,
        tenant: TenantId,
        location: LocationId,
        columns: Mapping[str, str | None],
        expected: Expected | None = None,
    ) -> str:
        """Replace the columns that a location remembers and return the location's new ETag. Raises as `put_mapping`."""
        return await self._change(tenant, location, {"columns": msgspec.json.encode(columns).decode()}, expected)

    async def _change(
        self, tenant: TenantId, location: LocationId, columns: Mapping[str, str], expected: Expected | None
    ) -> str:
        """Change columns of the row of a location that exists. Raises as `put_mapping`."""
        tables = await self._accounts.of(tenant)
        row = {"PartitionKey": tenant, "RowKey": location, **columns}
        if expected is None:
            return await _merge(tables, row)
        if expected.etag is None:
            raise ETagConflict("The location does not exist.")
        return await tables.merge(LOCATIONS, row, expected.etag)

    async def find_location_deletion(
        self, tenant: TenantId, location: LocationId
    ) -> Versioned[LocationDeletion | None]:
        """Return the deletion of a location of which rows are left; None with ETag None for any other location."""
        tables = await self._accounts.of(tenant)
        row = await tables.find(LOCATIONS, tenant, location)
        if row is None or "erasedAt" not in row:
            return Versioned(None, None)
        deletion = LocationDeletion(at=datetime.fromisoformat(row["erasedAt"]), rows=row["erasedRows"])
        return Versioned(deletion, etag_of(row))

    async def replace_location_deletion(
        self, tenant: TenantId, location: LocationId, deletion: LocationDeletion, etag: str
    ) -> str:
        """Store that a location is being deleted, and return its new ETag: it is not listed or found any more.

        Raises ETagConflict if the location or its deletion changed since it was read.
        """
        tables = await self._accounts.of(tenant)
        columns = {"erasedAt": deletion.at.isoformat(), "erasedRows": deletion.rows}
        return await tables.merge(LOCATIONS, {"PartitionKey": tenant, "RowKey": location, **columns}, etag)

    async def delete_location(self, tenant: TenantId, location: LocationId, etag: str | None = None) -> None:
        """Delete a location, if it exists. Its recipients are in another store and are not deleted.

        Raises ETagConflict if it changed since it was read.
        """
        tables = await self._accounts.of(tenant)
        await tables.delete(LOCATIONS, tenant, location, etag)


@optimistic_update
async def _merge(tables: Tables, row: Mapping[str, Any], new: Mapping[str, Any] | None = None) -> str:
    """Change a location's row, or insert `new`; without it, raise NotFound. Return the new ETag."""
    tenant, location = row["PartitionKey"], row["RowKey"]
    stored = await tables.find(LOCATIONS, tenant, location)
    if stored is not None and "erasedAt" not in stored:
        return await tables.merge(LOCATIONS, row, etag_of(stored))
    if new is None:
        raise NotFound(f"Location {location!r} does not exist in tenant {tenant!r}.", code="location_not_found")
    return await tables.replace(LOCATIONS, new, None)


def _location(row: Mapping[str, Any]) -> Location:
    with decoding():
        groups = without_unknown(msgspec.json.decode(row["groups"]), tuple[GroupMapping, ...])
        columns = msgspec.json.decode(row.get("columns", "{}"), type=dict[str, str | None])
        return Location(id=LocationId(row["RowKey"]), name=row["name"], groups=groups, columns=columns)
