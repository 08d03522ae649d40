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


class TenantData(Protocol):
    """Any store of tenants' data, seen by what deletes a tenant."""

    async def delete_all(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""


class TenantStore(Protocol):
    """Tenants and their deletions."""

    async def get_context(self, tenant: TenantId) -> TenantContext:
        """Return the tenant with its connection, preferences, health and state, in one request."""

    async def find_version(self, tenant: TenantId, part: Part) -> str | None:
        """Return the ETag of a part of the configuration, None where it was never stored."""

    async def put(self, tenant: TenantSummary, expected: Expected | None = None) -> str:
        """Create or rename a tenant, and return its new ETag. Raises: ETagConflict unless it has the expected ETag."""

    async def get(self, tenant: TenantId) -> TenantSummary:
        """Return a tenant. Raises: NotFound."""

    def list_tenants(self, after: str = "") -> AsyncIterator[TenantSummary]:
        """Iterate over all tenants by id, beginning after the id `after`."""

    async def find_deletion(self, tenant: TenantId) -> Versioned[Deletion | None]:
        """Return the tenant's deletion, None with ETag None if it was not deleted recently."""

    async def replace_deletion(self, tenant: TenantId, deletion: Deletion, etag: str | None) -> str:
        """Store a deletion and return its new ETag. Raises: ETagConflict if it changed since it was read.

        `delete_all` does not delete it.
        """

    async def delete_deletion(self, tenant: TenantId, etag: str) -> None:
        """Delete a deletion, if it exists. Raises: ETagConflict if it changed since it was read."""

    def list_deletions(self) -> AsyncIterator[tuple[TenantId, Deletion]]:
        """Iterate over all deletions."""

    async def delete_all(self, tenant: TenantId) -> None:
        """Delete the tenant with its connection, settings and state."""


class ConnectionStore(Protocol):
    """Tenants' connections to their directories, and how these fare."""

    async def find(self, tenant: TenantId) -> Connection | None:
        """Return the tenant's connection, None while it is switched off."""

    async def put(self, tenant: TenantId, connection: Connection, expected: Expected | None = None) -> str:
        """Store a connection and return its ETag. Raises: ETagConflict unless the stored one has the expected ETag."""

    async def replace(self, tenant: TenantId, old: Connection, new: Connection) -> None:
        """Store a connection if `old` is the stored one. Raises: ETagConflict."""

    async def delete(self, tenant: TenantId, expected: Expected | None = None) -> None:
        """Delete the connection, if it exists. Raises: ETagConflict unless it has the expected ETag."""

    def list_connected(self) -> AsyncIterator[ConnectedTenant]:
        """Iterate over the tenants that have a connection."""

    async def get_health(self, tenant: TenantId) -> Versioned[Health]:
        """Return the health of the tenant's connection; a new one with ETag None if it never failed."""

    async def replace_health(self, tenant: TenantId, health: Health, etag: str | None) -> str:
        """Store the health and return its new ETag. Raises: ETagConflict if it changed since it was read."""

    async def delete_health(self, tenant: TenantId) -> None:
        """Delete the health, if it exists."""

    def list_unhealthy(self) -> AsyncIterator[tuple[TenantId, Health]]:
        """Iterate over the tenants whose health is `open`."""


class SettingsStore(Protocol):
    """What admins choose: preferences, locations with their mappings, admins and the sign-in application."""

    async def get_preferences(self, tenant: TenantId) -> Preferences:
        """Return the tenant's preferences, the defaults if they were never stored."""

    async def put_preferences(
        self, tenant: TenantId, preferences: Preferences, expected: Expected | None = None
    ) -> str:
        """Store preferences and return their ETag. Raises: ETagConflict unless they had the expected ETag."""

    async def get_admins(self, tenant: TenantId) -> Admins:
        """Return the tenant's admins, an empty list if they were never stored."""

    def list_admins(self) -> AsyncIterator[tuple[TenantId, Admins]]:
        """Iterate over the tenants whose admins were ever stored, with these."""

    async def put_admins(self, tenant: TenantId, admins: Admins, expected: Expected | None = None) -> str:
        """Store the admins and return their ETag. Raises: ETagConflict unless they had the expected ETag."""

    async def find_sso(self, tenant: TenantId) -> SsoApplication | None:
        """Return the tenant's sign-in application, None if it has none."""

    async def put_sso(self, tenant: TenantId, sso: SsoApplication, expected: Expected | None = None) -> str:
        """Store the sign-in application and return its ETag.

        Raises: ETagConflict unless the stored one has the expected ETag.
        """

    async def delete_sso(self, tenant: TenantId, expected: Expected | None = None) -> None:
        """Delete the sign-in application, if it exists. Raises: ETagConflict unless it has the expected ETag."""

    async def list_locations(self, tenant: TenantId) -> Sequence[Location]:
        """Return all locations by id, with their mappings."""

    async def find_location(self, tenant: TenantId, location: LocationId) -> Versioned[Location | None]:
        """Return a location with its mapping, None with ETag None if it does not exist."""

    async def put_location(
        self, tenant: TenantId, location: LocationId, name: str, expected: Expected | None = None
    ) -> str:
        """Create or rename a location and return its new ETag; its mapping stays.

        Raises: ETagConflict unless the stored one has the expected ETag.
        """

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

    async def delete_location(self, tenant: TenantId, location: LocationId) -> None:
        """Delete a location and its mapping, if it exists. Its recipients are in another store."""


class SyncStateStore(Protocol):
    """The state of each tenant that its runs compete for, with the summary of the last run."""

    async def get(self, tenant: TenantId) -> Versioned[TenantState]:
        """Return the tenant's state; a new one with ETag None if it never had any."""

    async def replace(self, tenant: TenantId, state: TenantState, etag: str | None) -> str:
        """Store the state and return its new ETag. Raises: ETagConflict if it changed since it was read."""

    def list_active(self) -> AsyncIterator[tuple[TenantId, TenantState]]:
        """Iterate over the tenants that have an active run or a waiting request, with their state."""

    def list_summaries(self) -> AsyncIterator[tuple[TenantId, Summary]]:
        """Iterate over the summaries of all tenants that have a state, by id."""


class UserStore(Protocol):
    """Users of the product, created from SSO users."""

    async def insert(self, tenant: TenantId, user: ProductUser) -> ProductUser:
        """Store a user unless stored, and return the stored one."""

    async def list_users(self, tenant: TenantId) -> Sequence[ProductUser]:
        """Return the tenant's users by object id."""

    async def delete_all(self, tenant: TenantId) -> None:
        """Delete every row of the tenant."""
