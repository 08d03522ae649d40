"""Tenants in memory."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

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
from tests.support.fakes.rows import Rows


class FakeTenantStore:
    """`TenantStore` in dicts."""

    def __init__(self) -> None:
        self._tenants: Rows[TenantId, TenantSummary] = Rows()
        self._connections: Rows[TenantId, Connection] = Rows()
        self._sso: Rows[TenantId, SsoApplication] = Rows()
        self._preferences: Rows[TenantId, Preferences] = Rows()
        self._admins: Rows[TenantId, Admins] = Rows()
        self._deletions: Rows[TenantId, Deletion] = Rows()
        self._health: Rows[TenantId, Health] = Rows()
        self._states: Rows[TenantId, TenantState] = Rows()
        self._locations: Rows[tuple[TenantId, LocationId], Location] = Rows()

    def _rows(self, part: Part) -> Rows[TenantId, Any]:
        rows: dict[Part, Rows[TenantId, Any]] = {
            Part.TENANT: self._tenants,
            Part.ADMINS: self._admins,
            Part.SSO: self._sso,
            Part.PREFERENCES: self._preferences,
            Part.CONNECTION: self._connections,
        }
        return rows[part]

    async def context(self, tenant: TenantId) -> TenantContext:
        """Return at once what `get`, `connection`, `preferences`, `health` and `state` return one by one."""
        return TenantContext(
            tenant=self._tenants.value(tenant),
            connection=await self.connection(tenant),
            preferences=await self.preferences(tenant),
            health=await self.health(tenant),
            state=await self.state(tenant),
        )

    async def version(self, tenant: TenantId, part: Part) -> str | None:
        """Return the ETag of a part of the configuration, None where it was never stored."""
        found = self._rows(part).find(tenant)
        return None if found is None else found.etag

    def _write(self, tenant: TenantId, part: Part, value: object, expected: Expected | None) -> str | None:
        rows = self._rows(part)
        if value is not None:
            return rows.put(tenant, value) if expected is None else rows.replace(tenant, value, expected.etag)
        if expected is not None and rows.find(tenant) is not None:
            rows.require(tenant, expected.etag)
        rows.delete(tenant)
        return None

    async def put(self, tenant: TenantSummary, expected: Expected | None = None) -> str:
        """Create a tenant or rename it, and return its new ETag. Raises: Conflict unless it finds what is expected."""
        return str(self._write(tenant.id, Part.TENANT, tenant, expected))

    async def get(self, tenant: TenantId) -> TenantSummary:
        """Return a tenant. Raises: NotFound."""
        found = self._tenants.value(tenant)
        if found is None:
            raise NotFound(f"There is no tenant {tenant!r}.", code="tenant_not_found")
        return found

    async def all(self, after: str = "") -> AsyncIterator[TenantSummary]:
        """Iterate over all tenants by id, those behind the id `after` only."""
        for id_, tenant in list(self._tenants.items()):
            if id_ > after:
                yield tenant

    async def connected(self) -> AsyncIterator[ConnectedTenant]:
        """Iterate over the tenants that have a connection."""
        for tenant, connection in list(self._connections.items()):
            yield ConnectedTenant(id=tenant, secret_expires_on=connection.secret_expires_on)

    async def active(self) -> AsyncIterator[tuple[TenantId, TenantState]]:
        """Iterate over the tenants that have an active run or a waiting request, with their state."""
        for tenant, state in list(self._states.items()):
            if state.active_run is not None or state.pending is not None:
                yield tenant, state

    async def connection(self, tenant: TenantId) -> Connection | None:
        """Return the tenant's connection, None while it is switched off."""
        return self._connections.value(tenant)

    async def put_connection(
        self, tenant: TenantId, connection: Connection | None, expected: Expected | None = None
    ) -> str | None:
        """Store a connection and return its ETag, or erase it with None. Raises: Conflict as `put`."""
        return self._write(tenant, Part.CONNECTION, connection, expected)

    async def replace_connection(self, tenant: TenantId, old: Connection, new: Connection) -> None:
        """Store a connection in the place of `old`. Raises: Conflict if that is not what is stored."""
        if self._connections.value(tenant) != old:
            raise ETagConflict("The connection changed meanwhile.")
        self._connections.put(tenant, new)

    async def health(self, tenant: TenantId) -> Versioned[Health]:
        """Return the health of the tenant's connection; a fresh one with ETag None if nothing ever went wrong."""
        return self._health.find(tenant) or Versioned(Health(), None)

    async def swap_health(self, tenant: TenantId, health: Health, etag: str | None) -> str:
        """Replace the health and return its new ETag. Raises: Conflict if it changed since it was read."""
        return self._health.replace(tenant, health, etag)

    async def ailing(self) -> AsyncIterator[tuple[TenantId, Health]]:
        """Iterate over the tenants whose health is `open`."""
        for tenant, health in list(self._health.items()):
            if health.open:
                yield tenant, health

    async def forget_health(self, tenant: TenantId) -> None:
        """Delete the health; one that is not there is no error."""
        self._health.delete(tenant)

    async def deletion(self, tenant: TenantId) -> Versioned[Deletion | None]:
        """Return the tenant's deletion, None with ETag None if it was not deleted of late."""
        found = self._deletions.find(tenant)
        return Versioned(found.value, found.etag) if found else Versioned(None, None)

    async def swap_deletion(self, tenant: TenantId, deletion: Deletion, etag: str | None) -> str:
        """Write a deletion down and return its new ETag. Raises: Conflict if it changed since it was read."""
        return self._deletions.replace(tenant, deletion, etag)

    async def forget_deletion(self, tenant: TenantId, etag: str) -> None:
        """Delete a deletion. Raises: Conflict if it changed since it was read."""
        if self._deletions.find(tenant) is not None:
            self._deletions.require(tenant, etag)
            self._deletions.delete(tenant)

    async def deletions(self) -> AsyncIterator[tuple[TenantId, Deletion]]:
        """Iterate over all deletions."""
        for tenant, deletion in list(self._deletions.items()):
            yield tenant, deletion

    async def admins(self, tenant: TenantId) -> Admins:
        """Return who may administer the tenant, nobody if that was never stored."""
        return self._admins.value(tenant) or Admins()

    async def all_admins(self) -> AsyncIterator[tuple[TenantId, Admins]]:
        """Iterate over the tenants that somebody was ever named admin of, with who that is."""
        for tenant, admins in sorted(self._admins.items()):
            yield tenant, admins

    async def put_admins(self, tenant: TenantId, admins: Admins, expected: Expected | None = None) -> str | None:
        """Store who may administer the tenant, and return its ETag. Raises: Conflict as `put`."""
        return self._write(tenant, Part.ADMINS, admins, expected)

    async def sso(self, tenant: TenantId) -> SsoApplication | None:
        """Return the tenant's SSO application, if there is one."""
        return self._sso.value(tenant)

    async def put_sso(
        self, tenant: TenantId, sso: SsoApplication | None, expected: Expected | None = None
    ) -> str | None:
        """Store the SSO application and return its ETag, or erase it with None. Raises: Conflict as `put`."""
        return self._write(tenant, Part.SSO, sso, expected)

    async def preferences(self, tenant: TenantId) -> Preferences:
        """Return the tenant's preferences, the defaults if none were ever stored."""
        return self._preferences.value(tenant) or Preferences()

    async def put_preferences(
        self, tenant: TenantId, preferences: Preferences, expected: Expected | None = None
    ) -> str | None:
        """Store preferences, and return their ETag. Raises: Conflict as `put`."""
        return self._write(tenant, Part.PREFERENCES, preferences, expected)

    async def state(self, tenant: TenantId) -> Versioned[TenantState]:
        """Return the tenant's state; a fresh one with ETag None if it never had any."""
        return self._states.find(tenant) or Versioned(TenantState(), None)

    async def swap_state(self, tenant: TenantId, state: TenantState, etag: str | None) -> str:
        """Replace the state and return its new ETag. Raises: Conflict if it changed since it was read."""
        return self._states.replace(tenant, state, etag)

    async def summaries(self) -> AsyncIterator[tuple[TenantId, Summary]]:
        """Iterate over the summaries of all tenants that have a state, by id."""
        for tenant, state in list(self._states.items()):
            yield tenant, state.summary

    async def locations(self, tenant: TenantId) -> Sequence[Location]:
        """Return all locations by id, each with its mapping."""
        return sorted((each for (owner, _), each in self._locations.items() if owner == tenant), key=lambda x: x.id)

    async def location(self, tenant: TenantId, location: LocationId) -> Versioned[Location | None]:
        """Return a location with its mapping, None with ETag None if there is none."""
        found = self._locations.find((tenant, location))
        return Versioned(None, None) if found is None else Versioned(found.value, found.etag)

    async def put_location(
        self, tenant: TenantId, location: LocationId, name: str, expected: Expected | None = None
    ) -> str:
        """Create or rename a location, whose mapping stays; return its new ETag. Raises: Conflict as `put`."""
        if expected is not None:
            self._locations.require((tenant, location), expected.etag)
        before = self._locations.value((tenant, location))
        return self._locations.put(
            (tenant, location), Location(id=location, name=name, groups=before.groups if before else ())
        )

    async def put_mapping(
        self,
        tenant: TenantId,
        location: LocationId,
        groups: Sequence[GroupMapping],
        expected: Expected | None = None,
    ) -> str:
        """Replace the mapping of a location as a whole. Raises: NotFound for an unknown location; Conflict as `put`."""
        before = self._locations.value((tenant, location))
        if expected is not None and (before is None or expected.etag is None):
            raise ETagConflict("There is no such location.")
        if expected is not None:
            self._locations.require((tenant, location), expected.etag)
        if before is None:
            raise NotFound(f"Tenant {tenant!r} has no location {location!r}.", code="location_not_found")
        by_id = {group.id: group for group in groups}
        mapping = tuple(by_id[each] for each in sorted(by_id))
        return self._locations.put((tenant, location), msgspec.structs.replace(before, groups=mapping))

    async def delete_location(self, tenant: TenantId, location: LocationId) -> None:
        """Delete a location and its mapping; its recipients are not this store's."""
        self._locations.delete((tenant, location))

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""
        for part in Part:
            self._rows(part).delete(tenant)
        self._states.delete(tenant)
        self._health.delete(tenant)
        for key in self._locations.keys():
            if key[0] == tenant:
                self._locations.delete(key)
