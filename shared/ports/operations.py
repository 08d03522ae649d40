"""The operator log, and health probes."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from shared.domain.ids import TenantId
from shared.domain.operations.audit import AuditEntry, AuditOutcome, AuditPosition, Recorded
from shared.domain.operations.operator_log import EntryPosition, OperatorLogEntry
from shared.domain.versioned import Versioned
from shared.ports.tenant_data import ALL_ROWS


class OperatorLog(Protocol):
    """The operator log: incidents that a person must look at."""

    async def record(self, entry: OperatorLogEntry) -> None:
        """Store an entry. Storing the same id again changes nothing."""

    def list_entries(
        self, after: EntryPosition | None = None, queue: str | None = None
    ) -> AsyncIterator[OperatorLogEntry]:
        """Iterate over the entries, newest first, after a position; only those of one queue if it is given.

        Entries are read as they are used.
        """

    async def count_dead_letters(self) -> Mapping[TenantId, int]:
        """Return the number of dead letters by tenant; tenants without one are missing."""

    async def purge(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` entries older than this time, and return their number; fewer are all of them."""

    async def list_by_id(self, entry: str) -> Sequence[Versioned[OperatorLogEntry]]:
        """Return the entries with this id. Usually there is at most one."""

    async def replace(self, entry: OperatorLogEntry, etag: str | None) -> str:
        """Replace an entry and return its new ETag. Raises ETagConflict if it changed since it was read."""

    async def delete(self, entry: OperatorLogEntry, etag: str | None) -> None:
        """Delete an entry, if it exists. Raises ETagConflict if it changed since it was read."""

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete the entries that name the tenant. As `TenantData.delete_all`."""


class AuditStore(Protocol):
    """The audit log: one list of entries per tenant, and the operator's list. Entries are never changed."""

    async def insert(self, tenant: TenantId | None, entry: AuditEntry) -> None:
        """Store an entry in the list of a tenant, or of the operator. Storing the same id again changes nothing."""

    async def conclude(self, tenant: TenantId | None, entry: str, outcome: AuditOutcome) -> None:
        """Store the outcome of an entry. Storing it again changes nothing."""

    async def insert_deletion(self, tenant: TenantId, entry: str) -> None:
        """Store that this entry deletes the tenant. Storing it again changes nothing."""

    async def last_deletion(self, tenant: TenantId) -> str | None:
        """Return the newest entry that deletes the tenant and was not refused; None if there is none."""

    def list_entries(
        self,
        tenant: TenantId | None = None,
        *,
        after: AuditPosition | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        newer_than: str | None = None,
    ) -> AsyncIterator[Recorded]:
        """Iterate over the entries of a tenant, newest first, or over those of all lists, one list after the other.

        Args:
            tenant: The tenant; None for the operator's list and those of all tenants.
            after: Position of the last entry that is left out.
            since: Time of the oldest entries.
            until: Time that all entries precede.
            newer_than: Entry that all others are newer than.

        """

    async def sweep(self, before: datetime, after: str = "") -> str | None:
        """Delete a bounded number of entries that are older than a time.

        Returns what to pass as `after` next, or None once every list was looked at.
        """


class DependencyProbes(Protocol):
    """Health probes of the services that the app depends on. A probe may raise any error of its service."""

    async def accounts(self) -> Sequence[str]:
        """Return the names of the further storage accounts: those in the settings, and those that hold tenants."""

    async def tables(self, account: str = "") -> datetime | None:
        """Write and delete a row in an account, by default the first one.

        Returns the time of the Table service, or None if it does not report it.
        """

    async def queues(self) -> Mapping[str, int]:
        """Return the approximate number of messages by queue, including poison queues."""

    async def vault(self) -> None:
        """Verify that secrets can be read. Raises SyncError if they cannot."""

    async def login(self) -> datetime | None:
        """Return the time of the login service; None if it does not report it."""
