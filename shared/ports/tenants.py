"""Tenants, their configuration and their users."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from shared.domain.access.callers import Admins
from shared.domain.access.sso_users import ProductUser
from shared.domain.access.tenant_context import TenantContext
from shared.domain.access.tenants import ConnectedTenant, TenantSummary
from shared.domain.connections.connection import Connection, SsoApplication
from shared.domain.connections.connection_health import Health
from shared.domain.connections.secret_entry import SecretEntry
from shared.domain.deletion import Deletion, LocationDeletion
from shared.domain.ids import LocationId, RunId, TenantId
from shared.domain.operations.retention import RetentionRound
from shared.domain.optimistic_locking import Expected, Part
from shared.domain.pause import PauseOfAll
from shared.domain.preferences.group_mapping import GroupMapping, Location
from shared.domain.preferences.preferences import Preferences
from shared.domain.run import Summary, TenantState
from shared.domain.versioned import Versioned
from shared.ports.tenant_data import ALL_ROWS

T = TypeVar("T")


class TenantStore(Protocol):
    """Tenants, and tombstones of deleted tenants."""

    async def get_context(self, tenant: TenantId) -> TenantContext:
        """Return the tenant with its connection, preferences, health and state, in one request."""

    async def find_version(self, tenant: TenantId, part: Part) -> str | None:
        """Return the ETag of a part of the configuration; None if it was never stored."""

    async def find_part(self, tenant: TenantId, part: Part, kind: type[T]) -> Versioned[T | None]:
        """Return a part of the configuration with its ETag; None with ETag None if it was never stored."""

    async def put(self, tenant: TenantSummary, expected: Expected | None = None) -> str:
        """Create or rename a tenant and return its new ETag. Raises ETagConflict unless it has the expected ETag."""

    async def get(self, tenant: TenantId) -> TenantSummary:
        """Return a tenant. Raises NotFound if it does not exist."""

    def list_tenants(self, after: str = "") -> AsyncIterator[TenantSummary]:
        """Iterate over all tenants, sorted by id, after the id `after`."""

    async def find_deletion(self, tenant: TenantId) -> Versioned[Deletion | None]:
        """Return the tombstone of the tenant; None with ETag None if it was not deleted recently."""

    async def replace_deletion(self, tenant: TenantId, deletion: Deletion, etag: str | None) -> str:
        """Store a tombstone and return its new ETag. Raises ETagConflict if it changed since it was read.

        `delete_all` does not delete the tombstone.
        """

    async def delete_deletion(self, tenant: TenantId, etag: str) -> None:
        """Delete a tombstone, if it exists. Raises ETagConflict if it changed since it was read."""

    async def get_retention_round(self) -> Versioned[RetentionRound]:
        """Return the round of the retention; a new one with ETag None before the first."""

    async def replace_retention_round(self, round_: RetentionRound, etag: str | None) -> str:
        """Store the round of the retention and return its new ETag. Raises ETagConflict if it changed since."""

    def list_deletions(self) -> AsyncIterator[tuple[TenantId, Deletion]]:
        """Iterate over all tombstones."""

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete the tenant with its connection, settings and state. As `TenantData.delete_all`."""


class ConnectionStore(Protocol):
    """Tenants' connections to their directories, and the health of these connections."""

    async def find(self, tenant: TenantId) -> Connection | None:
        """Return the tenant's connection; None while the tenant is disconnected."""

    async def put(self, tenant: TenantId, connection: Connection, expected: Expected | None = None) -> str:
        """Store a connection and return its ETag. Raises ETagConflict unless the stored one has the expected ETag."""

    async def replace(self, tenant: TenantId, old: Connection, new: Connection) -> None:
        """Replace the connection `old`. Raises ETagConflict if another one is stored."""

    async def delete(self, tenant: TenantId, expected: Expected | None = None) -> None:
        """Delete the connection, if it exists. Raises ETagConflict unless it has the expected ETag."""

    def list_connected(self) -> AsyncIterator[ConnectedTenant]:
        """Iterate over the tenants that have a connection."""

    async def get_health(self, tenant: TenantId) -> Versioned[Health]:
        """Return the health of the tenant's connection; a new one with ETag None if it never failed."""

    async def replace_health(self, tenant: TenantId, health: Health, etag: str | None) -> str:
        """Store the health and return its new ETag. Raises ETagConflict if it changed since it was read."""

    async def delete_health(self, tenant: TenantId) -> None:
        """Delete the health, if it exists."""

    def list_unhealthy(self) -> AsyncIterator[tuple[TenantId, Health]]:
        """Iterate over the tenants whose health is `open`."""

    async def find_secret_entry(self, tenant: TenantId, name: str) -> Versioned[SecretEntry | None]:
        """Return the row of a Key Vault entry; None with ETag None if it does not exist."""

    async def replace_secret_entry(self, entry: SecretEntry, etag: str | None) -> str:
        """Store the row of a Key Vault entry and return its new ETag. Raises ETagConflict if it changed since."""

    async def delete_secret_entry(self, entry: SecretEntry, etag: str | None) -> None:
        """Delete the row of a Key Vault entry, if it exists. Raises ETagConflict if it changed since it was read."""

    def list_secret_entries(self, tenant: TenantId | None = None) -> AsyncIterator[Versioned[SecretEntry]]:
        """Iterate over the rows of the Key Vault entries of one tenant, or of all tenants."""


class SettingsStore(Protocol):
    """Settings of tenants: preferences, locations with their mappings, admins and the sign-in application."""

    async def get_preferences(self, tenant: TenantId) -> Preferences:
        """Return the tenant's preferences; the defaults if they were never stored."""

    async def put_preferences(
        self, tenant: TenantId, preferences: Preferences, expected: Expected | None = None
    ) -> str:
        """Store preferences and return their ETag. Raises ETagConflict unless they had the expected ETag."""

    async def get_admins(self, tenant: TenantId) -> Admins:
        """Return the tenant's admins; an empty list if they were never stored."""

    def list_admins(self) -> AsyncIterator[tuple[TenantId, Admins]]:
        """Iterate over the tenants with stored admins, and these admins."""

    async def put_admins(self, tenant: TenantId, admins: Admins, expected: Expected | None = None) -> str:
        """Store the admins and return their ETag. Raises ETagConflict unless they had the expected ETag."""

    async def find_sso(self, tenant: TenantId) -> SsoApplication | None:
        """Return the tenant's sign-in application; None if it is not set."""

    async def put_sso(self, tenant: TenantId, sso: SsoApplication, expected: Expected | None = None) -> str:
        """Store the sign-in application and return its ETag.

        Raises ETagConflict unless the stored one has the expected ETag.
        """

    async def delete_sso(self, tenant: TenantId, expected: Expected | None = None) -> None:
        """Delete the sign-in application, if it exists. Raises ETagConflict unless it has the expected ETag."""

    async def list_locations(self, tenant: TenantId) -> Sequence[Location]:
        """Return all locations with their mappings, sorted by id."""

    async def find_location(self, tenant: TenantId, location: LocationId) -> Versioned[Location | None]:
        """Return a location with its mapping; None with ETag None if it does not exist."""

    async def put_location(
        self, tenant: TenantId, location: LocationId, name: str, expected: Expected | None = None
    ) -> str:
        """Create or rename a location and return its new ETag. An existing mapping is kept.

        Raises ETagConflict unless the stored one has the expected ETag.
        """

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

    async def put_columns(
        self,
        tenant: TenantId,
        location: LocationId,
        columns: Mapping[str, str | None],
        expected: Expected | None = None,
    ) -> str:
        """Replace the columns that a location remembers and return the location's new ETag. Raises as `put_mapping`."""

    async def find_location_deletion(
        self, tenant: TenantId, location: LocationId
    ) -> Versioned[LocationDeletion | None]:
        """Return the deletion of a location of which rows are left; None with ETag None for any other location."""

    async def replace_location_deletion(
        self, tenant: TenantId, location: LocationId, deletion: LocationDeletion, etag: str
    ) -> str:
        """Store that a location is being deleted, and return its new ETag: it is not listed or found any more.

        Raises ETagConflict if the location or its deletion changed since it was read.
        """

    async def delete_location(self, tenant: TenantId, location: LocationId, etag: str | None = None) -> None:
        """Delete a location, if it exists. Its recipients are in another store and are not deleted.

        Raises ETagConflict if it changed since it was read.
        """


class SyncStateStore(Protocol):
    """The tenant states for which runs compete, with the summary of the last run."""

    async def get(self, tenant: TenantId) -> Versioned[TenantState]:
        """Return the tenant's state; a new one with ETag None if it was never stored."""

    async def replace(self, tenant: TenantId, state: TenantState, etag: str | None) -> str:
        """Store the state and return its new ETag. Raises ETagConflict if it changed since it was read."""

    async def announce_manual(self, tenant: TenantId, run: RunId, at: datetime) -> None:
        """Store that a manual change is about to be written, so that the watchdog can end it."""

    async def settle_manual(self, tenant: TenantId, run: RunId) -> None:
        """Delete what `announce_manual` stored."""

    def list_manual(self) -> AsyncIterator[tuple[TenantId, RunId, datetime]]:
        """Iterate over the manual changes of all tenants that are announced and not settled."""

    def list_active(self) -> AsyncIterator[tuple[TenantId, TenantState]]:
        """Iterate over the tenants with an active, a waiting or an announced run, and their states."""

    def list_summaries(self) -> AsyncIterator[tuple[TenantId, Summary]]:
        """Iterate over the summaries of all tenants with a state, sorted by tenant id."""

    async def find_pause(self) -> Versioned[PauseOfAll | None]:
        """Return the pause of all tenants; None with ETag None if there is none."""

    async def replace_pause(self, pause: PauseOfAll, etag: str | None) -> str:
        """Store the pause of all tenants and return its new ETag. Raises ETagConflict if it changed since."""

    async def delete_pause(self, etag: str) -> None:
        """Delete the pause of all tenants. Raises ETagConflict if it changed since it was read."""


class UserStore(Protocol):
    """Users of the product, created from SSO users."""

    async def insert(self, tenant: TenantId, user: ProductUser) -> ProductUser:
        """Store a user unless stored, and return the stored one."""

    async def list_users(self, tenant: TenantId) -> Sequence[ProductUser]:
        """Return the tenant's users, sorted by object id."""

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant. As `TenantData.delete_all`."""
