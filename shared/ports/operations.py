"""The operator's log, and health probes."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from shared.domain.ids import TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.versioned import Versioned


class OperatorLog(Protocol):
    """The operator's list of what went wrong."""

    async def record(self, entry: OperatorLogEntry) -> None:
        """Store an entry. Storing the same id again changes nothing."""

    def list_entries(self) -> AsyncIterator[OperatorLogEntry]:
        """Iterate over the entries, newest first."""

    async def list_by_id(self, entry: str) -> Sequence[Versioned[OperatorLogEntry]]:
        """Return the entries with this id: mostly one, or none."""

    async def replace(self, entry: OperatorLogEntry, etag: str | None) -> str:
        """Replace an entry and return its new ETag. Raises: ETagConflict if it changed since it was read."""

    async def delete(self, entry: OperatorLogEntry, etag: str | None) -> None:
        """Delete an entry, if it exists. Raises: ETagConflict if it changed since it was read."""

    async def delete_all(self, tenant: TenantId) -> None:
        """Delete the entries that name the tenant."""


class DependencyProbes(Protocol):
    """Tries what the app depends on. Every method may raise what the dependency makes its users raise."""

    async def accounts(self) -> Sequence[str]:
        """Return the names of the further storage accounts: those of the settings, and those that tenants are in."""

    async def tables(self, account: str = "") -> datetime | None:
        """Write and delete a row in an account, the first one unless named.

        Returns what time it is there, if it says so.
        """

    async def queues(self) -> Mapping[str, int]:
        """Return about how many messages each queue has, the poison ones included."""

    async def vault(self) -> None:
        """Read a secret, to verify that secrets can be read."""

    async def login(self) -> datetime | None:
        """Return what time it is at the login service, if it says so."""
