"""Tenants in memory."""

from collections.abc import AsyncIterator, Sequence

from shared.domain.callers import Admins
from shared.domain.connection import Connection, SsoApplication
from shared.domain.deletion import Deletion
from shared.domain.health import Health
from shared.domain.ids import LocationId, TenantId
from shared.domain.mapping import GroupMapping, Location
from shared.domain.preferences import Preferences
from shared.domain.run import TenantState
from shared.errors import Conflict, NotFound
from shared.ports import ConnectedTenant, TenantSummary, Versioned
from tests.fakes.rows import Rows


class FakeTenantStore:
    """`TenantStore` in dicts."""

    def __init__(self) -> None:
        self._tenants: dict[TenantId, TenantSummary] = {}
        self._connections: dict[TenantId, Connection] = {}
        self._sso: dict[TenantId, SsoApplication] = {}
        self._preferences: dict[TenantId, Preferences] = {}
        self._admins: dict[TenantId, Admins] = {}
        self._deletions: Rows[TenantId, Deletion] = Rows()
        self._health: Rows[TenantId, Health] = Rows()
        self._states: Rows[TenantId, TenantState] = Rows()
        self._locations: dict[TenantId, dict[LocationId, str]] = {}
        self._mappings: dict[tuple[TenantId, LocationId], tuple[GroupMapping, ...]] = {}

    async def put(self, tenant: TenantSummary) -> None:
        """Create a tenant or rename it."""
        self._tenants[tenant.id] = tenant

    async def get(self, tenant: TenantId) -> TenantSummary:
        """Return a tenant. Raises: NotFound."""
        if tenant not in self._tenants:
            raise NotFound(f"There is no tenant {tenant!r}.", code="tenant_not_found")
        return self._tenants[tenant]

    async def all(self) -> AsyncIterator[TenantSummary]:
        """Iterate over all tenants by id."""
        for tenant in sorted(self._tenants):
            yield self._tenants[tenant]

    async def connected(self) -> AsyncIterator[ConnectedTenant]:
        """Iterate over the tenants that have a connection."""
        for tenant in sorted(self._connections):
            yield ConnectedTenant(id=tenant, secret_expires_on=self._connections[tenant].secret_expires_on)

    async def active(self) -> AsyncIterator[tuple[TenantId, TenantState]]:
        """Iterate over the tenants that have an active run or a waiting request, with their state."""
        for tenant, state in list(self._states.items()):
            if state.active_run is not None or state.pending is not None:
                yield tenant, state

    async def connection(self, tenant: TenantId) -> Connection | None:
        """Return the tenant's connection, None while it is switched off."""
        return self._connections.get(tenant)

    async def put_connection(self, tenant: TenantId, connection: Connection | None) -> None:
        """Store a connection, or erase it with None."""
        self._connections.pop(tenant, None)
        if connection is not None:
            self._connections[tenant] = connection

    async def replace_connection(self, tenant: TenantId, old: Connection, new: Connection) -> None:
        """Store a connection in the place of `old`. Raises: Conflict if that is not what is stored."""
        if self._connections.get(tenant) != old:
            raise Conflict("The connection changed meanwhile.", code="conflict")
        self._connections[tenant] = new

    async def health(self, tenant: TenantId) -> Versioned[Health]:
        """Return the health of the tenant's connection; a fresh one with ETag None if nothing ever went wrong."""
        return self._health.find(tenant) or Versioned(Health(), None)

    async def swap_health(self, tenant: TenantId, health: Health, etag: str | None) -> str:
        """Replace the health and return its new ETag. Raises: Conflict if it changed since it was read."""
        return self._health.swap(tenant, health, etag)

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
        return self._deletions.swap(tenant, deletion, etag)

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
        return self._admins.get(tenant, Admins())

    async def all_admins(self) -> AsyncIterator[tuple[TenantId, Admins]]:
        """Iterate over the tenants that somebody was ever named admin of, with who that is."""
        for tenant, admins in sorted(self._admins.items()):
            yield tenant, admins

    async def put_admins(self, tenant: TenantId, admins: Admins) -> None:
        """Store who may administer the tenant."""
        self._admins[tenant] = admins

    async def sso(self, tenant: TenantId) -> SsoApplication | None:
        """Return the tenant's SSO application, if there is one."""
        return self._sso.get(tenant)

    async def put_sso(self, tenant: TenantId, sso: SsoApplication | None) -> None:
        """Store the SSO application, or erase it with None."""
        self._sso.pop(tenant, None)
        if sso is not None:
            self._sso[tenant] = sso

    async def preferences(self, tenant: TenantId) -> Preferences:
        """Return the tenant's preferences, the defaults if none were ever stored."""
        return self._preferences.get(tenant, Preferences())

    async def put_preferences(self, tenant: TenantId, preferences: Preferences) -> None:
        """Store preferences."""
        self._preferences[tenant] = preferences

    async def state(self, tenant: TenantId) -> Versioned[TenantState]:
        """Return the tenant's state; a fresh one with ETag None if it never had any."""
        return self._states.find(tenant) or Versioned(TenantState(), None)

    async def swap_state(self, tenant: TenantId, state: TenantState, etag: str | None) -> str:
        """Replace the state and return its new ETag. Raises: Conflict if it changed since it was read."""
        return self._states.swap(tenant, state, etag)

    async def locations(self, tenant: TenantId) -> Sequence[Location]:
        """Return all locations by id, each with its mapping."""
        names = self._locations.get(tenant, {})
        return [
            Location(id=each, name=names[each], groups=self._mappings.get((tenant, each), ())) for each in sorted(names)
        ]

    async def put_location(self, tenant: TenantId, location: LocationId, name: str) -> None:
        """Create or rename a location; its mapping stays."""
        self._locations.setdefault(tenant, {})[location] = name

    async def put_mapping(self, tenant: TenantId, location: LocationId, groups: Sequence[GroupMapping]) -> None:
        """Replace the mapping of a location. Raises: NotFound for an unknown location."""
        if location not in self._locations.get(tenant, {}):
            raise NotFound(f"Tenant {tenant!r} has no location {location!r}.", code="location_not_found")
        by_id = {group.id: group for group in groups}
        self._mappings[tenant, location] = tuple(by_id[each] for each in sorted(by_id))

    async def delete_location(self, tenant: TenantId, location: LocationId) -> None:
        """Delete a location and its mapping; its recipients are not this store's."""
        self._locations.get(tenant, {}).pop(location, None)
        self._mappings.pop((tenant, location), None)

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""
        for rows in (
            self._tenants,
            self._connections,
            self._sso,
            self._preferences,
            self._locations,
            self._admins,
        ):
            rows.pop(tenant, None)
        self._states.delete(tenant)
        self._health.delete(tenant)
        self._mappings = {key: groups for key, groups in self._mappings.items() if key[0] != tenant}
