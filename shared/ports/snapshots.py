"""Snapshots of sources."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from shared.domain.ids import SourceId, TenantId
from shared.domain.snapshots.snapshot import SnapshotManifest
from shared.ports.tenant_data import ALL_ROWS


class SnapshotStore(Protocol):
    """Snapshots: rows of bytes by source and key, and the manifest of every source's current snapshot."""

    async def find_current(self, tenant: TenantId, source: SourceId) -> SnapshotManifest | None:
        """Return the manifest of the current snapshot: the last complete read whose changes were applied."""

    async def put(self, tenant: TenantId, source: SourceId, rows: Mapping[str, bytes]) -> None:
        """Store rows. Storing the same rows again is harmless. Raises TooLarge if one is larger than MAX_ROW_BYTES."""

    def read(
        self, tenant: TenantId, source: SourceId, keys: Sequence[str], among: int = 1
    ) -> AsyncIterator[tuple[str, bytes]]:
        """Iterate over the rows with these sorted keys, without those that do not exist. The caller must verify them.

        `among` is the number of rows in their range: of many rows, few are read one by one.
        """

    async def commit(
        self,
        tenant: TenantId,
        manifest: SnapshotManifest,
        fencing_token: int,
        *,
        sweep: bool = True,
        guard: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Make a snapshot current and delete all other rows of its source.

        Does nothing if a run with a newer fencing token has committed. Without `sweep`, nothing is deleted if the
        rows of the snapshot were current before. `guard` raises unless the run is still the tenant's active one. It
        is called after the rows to delete are listed, so that they cannot include rows of a later run. If the body of
        the manifest is missing, nothing is deleted.
        """

    async def delete_all(self, tenant: TenantId, limit: int = ALL_ROWS) -> int:
        """Delete rows of the tenant, of all sources that were ever committed or stored. As `TenantData.delete_all`."""
