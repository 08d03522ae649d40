"""Tenants with their configuration, locations and mappings."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from shared.adapters.stores import keys
from shared.adapters.stores.account_placement import TenantTables
from shared.adapters.stores.table_names import LOCATIONS, TENANTS
from shared.adapters.stores.tenant_summaries import SUMMARY, read, shown
from shared.adapters.tables.client import Tables
from shared.adapters.tables.packing import pack, unpack
from shared.domain.access.callers import Admins
from shared.domain.access.tenant_context import TenantContext
from shared.domain.access.tenants import ConnectedTenant, TenantSummary
from shared.domain.connections.connection import Connection, SsoApplication
from shared.domain.connections.connection_health import Health
from shared.domain.ids import LocationId, TenantId
from shared.domain.optimistic_locking import Expected, Part
from shared.domain.preferences.group_mapping import GroupMapping, Location
from shared.domain.preferences.preferences import Preferences
from shared.domain.run import Deletion, Summary, TenantState
from shared.domain.versioned import Versioned
from shared.errors import ETagConflict, NotFound

T = TypeVar("T")
_NO_GROUPS: Final = "[]"


class TableTenantStore:
    """`TenantStore` on the tables Tenants and Locations; one row for each part of a tenant, and for each location.

    Tenants are in the first account, because schedule and watchdog look through them; locations in the tenant's.
    """

    def __init__(self, tables: Tables, accounts: TenantTables | None = None) -> None:
        self._tables = tables
        self._accounts = accounts or tables

    async def context(self, tenant: TenantId) -> TenantContext:
        """Return at once what `get`, `connection`, `preferences`, `health` and `state` return one by one."""
        rows = {row["RowKey"]: row async for row in self._tables.query(TENANTS, partition=tenant)}
        state, health = (rows.get(name) for name in ("state", "health"))
        return TenantContext(
            tenant=TenantSummary(id=tenant, name=rows["tenant"]["name"]) if "tenant" in rows else None,
            connection=unpack(rows["connection"], Connection) if "connection" in rows else None,
            preferences=unpack(rows["preferences"], Preferences) if "preferences" in rows else Preferences(),
            health=_versioned(health, Health),
            state=_versioned(state, TenantState),
        )

    async def version(self, tenant: TenantId, part: Part) -> str | None:
        """Return the ETag of a part of the configuration, None where it was never stored."""
        row = await self._tables.find(TENANTS, tenant, part.value)
        return None if row is None else _etag(row)

    async def put(self, tenant: TenantSummary, expected: Expected | None = None) -> str:
        """Create a tenant or rename it, and return its new ETag. Raises: Conflict unless it finds what is expected.

        Which account it is in is decided first, so that whoever finds the tenant finds that, too.
        """
        await self._accounts.place(tenant.id)
        return await self._write({"PartitionKey": tenant.id, "RowKey": "tenant", "name": tenant.name}, expected)

    async def get(self, tenant: TenantId) -> TenantSummary:
        """Return a tenant. Raises: NotFound."""
        row = await self._tables.find(TENANTS, tenant, "tenant")
        if row is None:
            raise NotFound(
                f"Tenant {tenant!r} does not exist: check the id, or ask the operator to add the tenant.",
                code="tenant_not_found",
            )
        return TenantSummary(id=tenant, name=row["name"])

    async def all(self, after: str = "") -> AsyncIterator[TenantSummary]:
        """Iterate over all tenants by id, those behind the id `after` only."""
        behind = keys.tenants_behind(after) if after else None
        async for row in self._tables.query(TENANTS, row="tenant", partitions=behind):
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

    async def put_connection(
        self, tenant: TenantId, connection: Connection | None, expected: Expected | None = None
    ) -> str | None:
        """Store a connection and return its ETag, or erase it with None. Raises: Conflict as `put`."""
        return await self._put(tenant, Part.CONNECTION, connection, expected, _ends(connection))

    async def replace_connection(self, tenant: TenantId, old: Connection, new: Connection) -> None:
        """Store a connection in the place of `old`. Raises: Conflict if that is not what is stored."""
        row = await self._tables.find(TENANTS, tenant, "connection")
        if row is None or unpack(row, Connection) != old:
            raise ETagConflict("The connection was changed meanwhile.")
        changed = {"PartitionKey": tenant, "RowKey": "connection", **_ends(new), **pack(new)}
        await self._tables.swap(TENANTS, changed, _etag(row))

    async def health(self, tenant: TenantId) -> Versioned[Health]:
        """Return the health of the tenant's connection; a fresh one with ETag None if nothing ever went wrong."""
        return _versioned(await self._tables.find(TENANTS, tenant, "health"), Health)

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

    async def put_admins(self, tenant: TenantId, admins: Admins, expected: Expected | None = None) -> str | None:
        """Store who may administer the tenant, and return its ETag. Raises: Conflict as `put`."""
        return await self._put(tenant, Part.ADMINS, admins, expected)

    async def sso(self, tenant: TenantId) -> SsoApplication | None:
        """Return the tenant's SSO application, if there is one."""
        return await self._find(tenant, "sso", SsoApplication)

    async def put_sso(
        self, tenant: TenantId, sso: SsoApplication | None, expected: Expected | None = None
    ) -> str | None:
        """Store the SSO application and return its ETag, or erase it with None. Raises: Conflict as `put`."""
        return await self._put(tenant, Part.SSO, sso, expected)

    async def preferences(self, tenant: TenantId) -> Preferences:
        """Return the tenant's preferences, the defaults if none were ever stored."""
        return await self._find(tenant, "preferences", Preferences) or Preferences()

    async def put_preferences(
        self, tenant: TenantId, preferences: Preferences, expected: Expected | None = None
    ) -> str | None:
        """Store preferences, and return their ETag. Raises: Conflict as `put`."""
        return await self._put(tenant, Part.PREFERENCES, preferences, expected)

    async def _find(self, tenant: TenantId, kind: str, type_: type[T]) -> T | None:
        row = await self._tables.find(TENANTS, tenant, kind)
        return None if row is None else unpack(row, type_)

    async def _put(
        self,
        tenant: TenantId,
        part: Part,
        value: object,
        expected: Expected | None,
        columns: Mapping[str, str] | None = None,
    ) -> str | None:
        if value is None:
            await self._tables.delete(TENANTS, tenant, part.value, expected.etag if expected else None)
            return None
        row = {"PartitionKey": tenant, "RowKey": part.value, **(columns or {}), **pack(value)}
        return await self._write(row, expected)

    async def _write(self, row: Mapping[str, Any], expected: Expected | None) -> str:
        if expected is None:
            return await self._tables.put(TENANTS, row)
        return await self._tables.swap(TENANTS, row, expected.etag)

    async def state(self, tenant: TenantId) -> Versioned[TenantState]:
        """Return the tenant's state; a fresh one with ETag None if it never had any."""
        return _versioned(await self._tables.find(TENANTS, tenant, "state"), TenantState)

    async def swap_state(self, tenant: TenantId, state: TenantState, etag: str | None) -> str:
        """Replace the state and return its new ETag. Raises: Conflict if it changed since it was read."""
        busy = state.active_run is not None or state.pending is not None
        row = {"PartitionKey": tenant, "RowKey": "state", "busy": busy, **shown(state.summary), **pack(state)}
        return await self._tables.swap(TENANTS, row, etag)

    async def summaries(self) -> AsyncIterator[tuple[TenantId, Summary]]:
        """Iterate over the summaries of all tenants that have a state, by id."""
        async for row in self._tables.query(TENANTS, row="state", select=["PartitionKey", *SUMMARY]):
            yield TenantId(row["PartitionKey"]), read(row)

    async def locations(self, tenant: TenantId) -> Sequence[Location]:
        """Return all locations by id, each with its mapping."""
        tables = await self._accounts.of(tenant)
        return [_location(row) async for row in tables.query(LOCATIONS, partition=tenant)]

    async def location(self, tenant: TenantId, location: LocationId) -> Versioned[Location | None]:
        """Return a location with its mapping, None with ETag None if there is none."""
        tables = await self._accounts.of(tenant)
        row = await tables.find(LOCATIONS, tenant, location)
        return Versioned(None, None) if row is None else Versioned(_location(row), _etag(row))

    async def put_location(
        self, tenant: TenantId, location: LocationId, name: str, expected: Expected | None = None
    ) -> str:
        """Create or rename a location, whose mapping stays; return its new ETag. Raises: Conflict as `put`."""
        tables = await self._accounts.of(tenant)
        row = {"PartitionKey": tenant, "RowKey": location, "name": name}
        if expected is not None and expected.etag is None:
            return await tables.insert(LOCATIONS, {**row, "groups": _NO_GROUPS})
        if expected is not None:
            return await self._changed(tables, row, expected)
        try:
            return await tables.merge(LOCATIONS, row)
        except NotFound:
            return await tables.insert(LOCATIONS, {**row, "groups": _NO_GROUPS})

    async def put_mapping(
        self,
        tenant: TenantId,
        location: LocationId,
        groups: Sequence[GroupMapping],
        expected: Expected | None = None,
    ) -> str:
        """Replace the mapping of a location as a whole, and return the location's new ETag.

        Raises: NotFound for an unknown location; Conflict as `put`.
        """
        tables = await self._accounts.of(tenant)
        by_id = {group.id: group for group in groups}
        text = msgspec.json.encode([by_id[each] for each in sorted(by_id)]).decode()
        row = {"PartitionKey": tenant, "RowKey": location, "groups": text}
        if expected is not None:
            return await self._changed(tables, row, expected)
        try:
            return await tables.merge(LOCATIONS, row)
        except NotFound as error:
            raise NotFound(
                f"Location {location!r} does not exist in tenant {tenant!r}.", code="location_not_found"
            ) from error

    async def _changed(self, tables: Tables, row: Mapping[str, Any], expected: Expected) -> str:
        """Change a location's row. Raises: Conflict unless it is there as it is expected."""
        if expected.etag is None:
            raise ETagConflict("There is no such location.")
        try:
            return await tables.merge(LOCATIONS, row, expected.etag)
        except NotFound as error:
            raise ETagConflict("The location was deleted meanwhile.") from error

    async def delete_location(self, tenant: TenantId, location: LocationId) -> None:
        """Delete a location and its mapping; its recipients are not this store's."""
        tables = await self._accounts.of(tenant)
        await tables.delete(LOCATIONS, tenant, location)

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant, but not which account it was in: workers remember that."""
        tables = await self._accounts.of(tenant)
        await tables.erase(LOCATIONS, partition=tenant)
        await self._tables.erase(TENANTS, partition=tenant)


def _ends(connection: Connection | None) -> dict[str, str]:
    """Show the end of the secret beside the packed row, for the schedule."""
    ends = connection.secret_expires_on if connection else None
    return {"ends": ends.isoformat()} if ends else {}


def _versioned(row: Mapping[str, Any] | None, kind: type[T]) -> Versioned[T]:
    """Return what a row holds, and a fresh one with ETag None where there is no row."""
    return Versioned(kind(), None) if row is None else Versioned(unpack(row, kind), _etag(row))


def _location(row: Mapping[str, Any]) -> Location:
    groups = msgspec.json.decode(row["groups"], type=tuple[GroupMapping, ...])
    return Location(id=LocationId(row["RowKey"]), name=row["name"], groups=groups)


def _etag(row: Any) -> str:  # noqa: ANN401 - the SDK's entity, whose metadata is untyped
    return str(row.metadata["etag"])
