"""The operator log, and health probes."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from shared.domain.ids import TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.versioned import Versioned


class OperatorLog(Protocol):
    """The operator log: incidents that a person must look at."""

    async def record(self, entry: OperatorLogEntry) -> None:
        """Store an entry. Storing the same id again changes nothing."""

    def list_entries(self) -> AsyncIterator[OperatorLogEntry]:
        """Iterate over the entries, newest first."""

    async def list_by_id(self, entry: str) -> Sequence[Versioned[OperatorLogEntry]]:
        """Return the entries with this id. Usually there is at most one."""

    async def replace(self, entry: OperatorLogEntry, etag: str | None) -> str:
        """Replace an entry and return its new ETag. Raises ETagConflict if it changed since it was read."""

    async def delete(self, entry: OperatorLogEntry, etag: str | None) -> None:
        """Delete an entry, if it exists. Raises ETagConflict if it changed since it was read."""

    async def delete_all(self, tenant: TenantId) -> None:
        """Delete the entries that name the tenant."""


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
