"""Tenants with their configuration, locations and mappings."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from shared.adapters.tables import keys
from shared.adapters.tables.client import Tables
from shared.adapters.tables.names import LOCATIONS, MAPPINGS, TENANTS
from shared.adapters.tables.packing import pack, unpack
from shared.domain.callers import Admins
from shared.domain.connection import Connection, SsoApplication
from shared.domain.deletion import Deletion
from shared.domain.health import Health
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.mapping import GroupMapping, Location
from shared.domain.preferences import Preferences
from shared.domain.run import TenantState
from shared.errors import Conflict, NotFound
from shared.ports import ConnectedTenant, TenantSummary, Versioned

T = TypeVar("T")


class TableTenantStore:
    """`TenantStore` on the tables Tenants, Locations and Mappings; a tenant's configuration is one row a kind."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def put(self, tenant: TenantSummary) -> None:
        """Create a tenant or rename it."""
        await self._tables.put(TENANTS, {"PartitionKey": tenant.id, "RowKey": "tenant", "name": tenant.name})

    async def get(self, tenant: TenantId) -> TenantSummary:
        """Return a tenant. Raises: NotFound."""
        row = await self._tables.find(TENANTS, tenant, "tenant")
        if row is None:
            raise NotFound(
                f"There is no tenant {tenant!r}: create it with PUT /api/tenants/{tenant}, or correct the id.",
                code="tenant_not_found",
            )
        return TenantSummary(id=tenant, name=row["name"])

    async def all(self) -> AsyncIterator[TenantSummary]:
        """Iterate over all tenants by id."""
        async for row in self._tables.query(TENANTS, row="tenant"):
            yield TenantSummary(id=TenantId(row["PartitionKey"]), name=row["name"])

    async def connected(self) -> AsyncIterator[ConnectedTenant]:
        """Iterate over the tenants that have a connection."""
        async for row in self._tables.query(TENANTS, row="connection", select=["PartitionKey", "ends"]):
            ends = row.get("ends")
            yield ConnectedTenant(
                id=TenantId(row["PartitionKey"]), secret_expires_on=datetime.fromisoformat(ends) if ends else None
            )

    async def active(self) -> AsyncIterator[tuple[TenantId, TenantState]]:
        """Iterate over the tenants that have an active run or a waiting request, with their state."""
        async for row in self._tables.query(TENANTS, row="state", where="busy eq true"):
            yield TenantId(row["PartitionKey"]), unpack(row, TenantState)

    async def connection(self, tenant: TenantId) -> Connection | None:
        """Return the tenant's connection, None while it is switched off."""
        return await self._find(tenant, "connection", Connection)

    async def put_connection(self, tenant: TenantId, connection: Connection | None) -> None:
        """Store a connection, or erase it with None."""
        await self._put(tenant, "connection", connection, _ends(connection))

    async def replace_connection(self, tenant: TenantId, old: Connection, new: Connection) -> None:
        """Store a connection in the place of `old`. Raises: Conflict if that is not what is stored."""
        row = await self._tables.find(TENANTS, tenant, "connection")
        if row is None or unpack(row, Connection) != old:
            raise Conflict("The connection was changed meanwhile.", code="conflict")
        changed = {"PartitionKey": tenant, "RowKey": "connection", **_ends(new), **pack(new)}
        await self._tables.swap(TENANTS, changed, _etag(row))

    async def health(self, tenant: TenantId) -> Versioned[Health]:
        """Return the health of the tenant's connection; a fresh one with ETag None if nothing ever went wrong."""
        row = await self._tables.find(TENANTS, tenant, "health")
        return Versioned(Health(), None) if row is None else Versioned(unpack(row, Health), _etag(row))

    async def swap_health(self, tenant: TenantId, health: Health, etag: str | None) -> str:
        """Replace the health and return its new ETag. Raises: Conflict if it changed since it was read."""
        row = {"PartitionKey": tenant, "RowKey": "health", "open": health.open, **pack(health)}
        return await self._tables.swap(TENANTS, row, etag)

    async def ailing(self) -> AsyncIterator[tuple[TenantId, Health]]:
        """Iterate over the tenants whose health is `open`."""
        async for row in self._tables.query(TENANTS, row="health", where="open eq true"):
            yield TenantId(row["PartitionKey"]), unpack(row, Health)

    async def forget_health(self, tenant: TenantId) -> None:
        """Delete the health; one that is not there is no error."""
        await self._tables.delete(TENANTS, tenant, "health")

    async def deletion(self, tenant: TenantId) -> Versioned[Deletion | None]:
        """Return the tenant's deletion, None with ETag None if it was not deleted of late."""
        row = await self._tables.find(TENANTS, keys.DELETIONS, keys.deletion(tenant))
        return Versioned(unpack(row, Deletion), _etag(row)) if row is not None else Versioned(None, None)

    async def swap_deletion(self, tenant: TenantId, deletion: Deletion, etag: str | None) -> str:
        """Write a deletion down and return its new ETag. Raises: Conflict if it changed since it was read."""
        row = {"PartitionKey": keys.DELETIONS, "RowKey": keys.deletion(tenant), "tenant": tenant, **pack(deletion)}
        return await self._tables.swap(TENANTS, row, etag)

    async def forget_deletion(self, tenant: TenantId, etag: str) -> None:
        """Delete a deletion. Raises: Conflict if it changed since it was read."""
        await self._tables.delete(TENANTS, keys.DELETIONS, keys.deletion(tenant), etag)

    async def deletions(self) -> AsyncIterator[tuple[TenantId, Deletion]]:
        """Iterate over all deletions."""
        async for row in self._tables.query(TENANTS, partition=keys.DELETIONS):
            yield TenantId(row["tenant"]), unpack(row, Deletion)

    async def admins(self, tenant: TenantId) -> Admins:
        """Return who may administer the tenant, nobody if that was never stored."""
        return await self._find(tenant, "admins", Admins) or Admins()

    async def all_admins(self) -> AsyncIterator[tuple[TenantId, Admins]]:
        """Iterate over the tenants that somebody was ever named admin of, with who that is."""
        async for row in self._tables.query(TENANTS, row="admins"):
            yield TenantId(row["PartitionKey"]), unpack(row, Admins)

    async def put_admins(self, tenant: TenantId, admins: Admins) -> None:
        """Store who may administer the tenant."""
        await self._put(tenant, "admins", admins)

    async def sso(self, tenant: TenantId) -> SsoApplication | None:
        """Return the tenant's SSO application, if there is one."""
        return await self._find(tenant, "sso", SsoApplication)

    async def put_sso(self, tenant: TenantId, sso: SsoApplication | None) -> None:
        """Store the SSO application, or erase it with None."""
        await self._put(tenant, "sso", sso)

    async def preferences(self, tenant: TenantId) -> Preferences:
        """Return the tenant's preferences, the defaults if none were ever stored."""
        return await self._find(tenant, "preferences", Preferences) or Preferences()

    async def put_preferences(self, tenant: TenantId, preferences: Preferences) -> None:
        """Store preferences."""
        await self._put(tenant, "preferences", preferences)

    async def _find(self, tenant: TenantId, kind: str, type_: type[T]) -> T | None:
        row = await self._tables.find(TENANTS, tenant, kind)
        return None if row is None else unpack(row, type_)

    async def _put(self, tenant: TenantId, kind: str, value: object, columns: Mapping[str, str] | None = None) -> None:
        if value is None:
            await self._tables.delete(TENANTS, tenant, kind)
        else:
            await self._tables.put(TENANTS, {"PartitionKey": tenant, "RowKey": kind, **(columns or {}), **pack(value)})

    async def state(self, tenant: TenantId) -> Versioned[TenantState]:
        """Return the tenant's state; a fresh one with ETag None if it never had any."""
        row = await self._tables.find(TENANTS, tenant, "state")
        if row is None:
            return Versioned(TenantState(), None)
        return Versioned(unpack(row, TenantState), _etag(row))

    async def swap_state(self, tenant: TenantId, state: TenantState, etag: str | None) -> str:
        """Replace the state and return its new ETag. Raises: Conflict if it changed since it was read."""
        busy = state.active_run is not None or state.pending is not None
        row = {"PartitionKey": tenant, "RowKey": "state", "busy": busy, **pack(state)}
        return await self._tables.swap(TENANTS, row, etag)

    async def locations(self, tenant: TenantId) -> Sequence[Location]:
        """Return all locations by id, each with its mapping."""
        names = {
            LocationId(row["RowKey"]): str(row["name"]) async for row in self._tables.query(LOCATIONS, partition=tenant)
        }
        groups: dict[LocationId, list[GroupMapping]] = {name: [] for name in names}
        async for row in self._tables.query(MAPPINGS, partition=tenant):
            mapped = GroupMapping(id=ObjectId(row["group"]), transitive=row["transitive"])
            groups.get(LocationId(row["location"]), []).append(mapped)
        return [Location(id=each, name=names[each], groups=tuple(groups[each])) for each in sorted(names)]

    async def put_location(self, tenant: TenantId, location: LocationId, name: str) -> None:
        """Create or rename a location; its mapping stays."""
        await self._tables.put(LOCATIONS, {"PartitionKey": tenant, "RowKey": location, "name": name})

    async def put_mapping(self, tenant: TenantId, location: LocationId, groups: Sequence[GroupMapping]) -> None:
        """Replace the mapping of a location. Raises: NotFound for an unknown location."""
        if await self._tables.find(LOCATIONS, tenant, location) is None:
            raise NotFound(f"Tenant {tenant!r} has no location {location!r}.", code="location_not_found")
        rows = {keys.mapping(location, group.id): group for group in groups}
        for row, group in rows.items():
            entity: dict[str, Any] = {
                "PartitionKey": tenant,
                "RowKey": row,
                "location": location,
                "group": group.id,
                "transitive": group.transitive,
            }
            await self._tables.put(MAPPINGS, entity)
        stored = self._tables.query(MAPPINGS, partition=tenant, rows=keys.mapping_range(location), select=["RowKey"])
        for row in [entity["RowKey"] async for entity in stored]:
            if row not in rows:
                await self._tables.delete(MAPPINGS, tenant, row)

    async def delete_location(self, tenant: TenantId, location: LocationId) -> None:
        """Delete a location and its mapping; its recipients are not this store's."""
        await self._tables.erase(MAPPINGS, partition=tenant, rows=keys.mapping_range(location))
        await self._tables.delete(LOCATIONS, tenant, location)

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""
        for table in (MAPPINGS, LOCATIONS, TENANTS):
            await self._tables.erase(table, partition=tenant)


def _ends(connection: Connection | None) -> dict[str, str]:
    """Show the end of the secret beside the packed row, for the schedule."""
    ends = connection.secret_expires_on if connection else None
    return {"ends": ends.isoformat()} if ends else {}


def _etag(row: Any) -> str:  # noqa: ANN401 - the SDK's entity, whose metadata is untyped
    return str(row.metadata["etag"])
