"""Tenants, their configuration and their users."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from shared.domain.access.callers import Admins
from shared.domain.access.sso_users import ProductUser
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


class TenantStore(Protocol):
    """Tenants with their configuration, locations and mappings, and the state that runs compete for."""

    async def context(self, tenant: TenantId) -> TenantContext:
        """Return at once what `get`, `connection`, `preferences`, `health` and `state` return one by one."""

    async def version(self, tenant: TenantId, part: Part) -> str | None:
        """Return the ETag of a part of the configuration, None where it was never stored."""

    async def put(self, tenant: TenantSummary, expected: Expected | None = None) -> str:
        """Create a tenant or rename it, and return its new ETag. Raises: Conflict unless it finds what is expected."""

    async def get(self, tenant: TenantId) -> TenantSummary:
        """Return a tenant. Raises: NotFound."""

    def all(self, after: str = "") -> AsyncIterator[TenantSummary]:
        """Iterate over all tenants by id, those behind the id `after` only."""

    def connected(self) -> AsyncIterator[ConnectedTenant]:
        """Iterate over the tenants that have a connection."""

    def active(self) -> AsyncIterator[tuple[TenantId, TenantState]]:
        """Iterate over the tenants that have an active run or a waiting request, with their state."""

    async def connection(self, tenant: TenantId) -> Connection | None:
        """Return the tenant's connection, None while it is switched off."""

    async def put_connection(
        self, tenant: TenantId, connection: Connection | None, expected: Expected | None = None
    ) -> str | None:
        """Store a connection and return its ETag, or erase it with None. Raises: Conflict as `put`."""

    async def replace_connection(self, tenant: TenantId, old: Connection, new: Connection) -> None:
        """Store a connection in the place of `old`. Raises: Conflict if that is not what is stored."""

    async def health(self, tenant: TenantId) -> Versioned[Health]:
        """Return the health of the tenant's connection; a fresh one with ETag None if nothing ever went wrong."""

    async def swap_health(self, tenant: TenantId, health: Health, etag: str | None) -> str:
        """Replace the health and return its new ETag. Raises: Conflict if it changed since it was read."""

    def ailing(self) -> AsyncIterator[tuple[TenantId, Health]]:
        """Iterate over the tenants whose health is `open`."""

    async def forget_health(self, tenant: TenantId) -> None:
        """Delete the health; one that is not there is no error."""

    async def deletion(self, tenant: TenantId) -> Versioned[Deletion | None]:
        """Return the tenant's deletion, None with ETag None if it was not deleted of late."""

    async def swap_deletion(self, tenant: TenantId, deletion: Deletion, etag: str | None) -> str:
        """Write a deletion down and return its new ETag. Raises: Conflict if it changed since it was read.

        It is kept apart from the tenant's rows, and stays when they are erased.
        """

    async def forget_deletion(self, tenant: TenantId, etag: str) -> None:
        """Delete a deletion; one that is not there is no error. Raises: Conflict if it changed since it was read."""

    def deletions(self) -> AsyncIterator[tuple[TenantId, Deletion]]:
        """Iterate over all deletions."""

    async def admins(self, tenant: TenantId) -> Admins:
        """Return who may administer the tenant, nobody if that was never stored."""

    def all_admins(self) -> AsyncIterator[tuple[TenantId, Admins]]:
        """Iterate over the tenants that somebody was ever named admin of, with who that is."""

    async def put_admins(self, tenant: TenantId, admins: Admins, expected: Expected | None = None) -> str | None:
        """Store who may administer the tenant, and return its ETag. Raises: Conflict as `put`."""

    async def sso(self, tenant: TenantId) -> SsoApplication | None:
        """Return the tenant's SSO application, if there is one."""

    async def put_sso(
        self, tenant: TenantId, sso: SsoApplication | None, expected: Expected | None = None
    ) -> str | None:
        """Store the SSO application and return its ETag, or erase it with None. Raises: Conflict as `put`."""

    async def preferences(self, tenant: TenantId) -> Preferences:
        """Return the tenant's preferences, the defaults if none were ever stored."""

    async def put_preferences(
        self, tenant: TenantId, preferences: Preferences, expected: Expected | None = None
    ) -> str | None:
        """Store preferences, and return their ETag. Raises: Conflict as `put`."""

    async def state(self, tenant: TenantId) -> Versioned[TenantState]:
        """Return the tenant's state; a fresh one with ETag None if it never had any."""

    async def swap_state(self, tenant: TenantId, state: TenantState, etag: str | None) -> str:
        """Replace the state and return its new ETag. Raises: Conflict if it changed since it was read."""

    def summaries(self) -> AsyncIterator[tuple[TenantId, Summary]]:
        """Iterate over the summaries of all tenants that have a state, by id."""

    async def locations(self, tenant: TenantId) -> Sequence[Location]:
        """Return all locations by id, each with its mapping."""

    async def location(self, tenant: TenantId, location: LocationId) -> Versioned[Location | None]:
        """Return a location with its mapping, None with ETag None if there is none."""

    async def put_location(
        self, tenant: TenantId, location: LocationId, name: str, expected: Expected | None = None
    ) -> str:
        """Create or rename a location, whose mapping stays; return its new ETag. Raises: Conflict as `put`."""

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

    async def delete_location(self, tenant: TenantId, location: LocationId) -> None:
        """Delete a location and its mapping; its recipients are not this store's."""

    async def erase(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""


class UserStore(Protocol):
    """Users of the product, as they were made from SSO users."""

    async def insert(self, tenant: TenantId, user: ProductUser) -> ProductUser:
        """Store a user unless stored, and return the stored one."""

    async def list_users(self, tenant: TenantId) -> Sequence[ProductUser]:
        """Return the tenant's users by object id."""

    async def delete_all(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""
